"""Numbers of a comparison: runs grouped into rows, scores summed up over seeds."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lightning_imb.reports.collect import RunRecord
from lightning_imb.runs import first_of, matters
from lightning_imb.utils.errors import InputError

LOWER_IS_BETTER = ("loss", "nll", "ece", "brier")


@dataclass(frozen=True)
class Summary:
    """A score over seeds.

    Attributes:
        values: One per run that has the score.
    """

    values: tuple[float, ...]

    @property
    def mean(self) -> float | None:
        """Mean; None without values."""
        return statistics.fmean(self.values) if self.values else None

    @property
    def std(self) -> float | None:
        """Sample standard deviation (ddof = 1); None below two values."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Row:
    """Runs that differ in nothing but the seed.

    Attributes:
        labels: Value of each row key.
        n: Number of runs.
        scores: Summary of each metric.
        recalls: (K,) summary of the recall of each class on the test set.
    """

    labels: tuple[str, ...]
    n: int
    scores: dict[str, Summary]
    recalls: tuple[Summary, ...]


@dataclass(frozen=True)
class Comparison:
    """Rows that may be compared with each other.

    Attributes:
        keys: What the rows differ in, such as ``("method",)``.
        metrics: Metrics that at least one run has.
        rows: In the order in which they were found.
        class_names: (K,).
        train_counts: (K,); None where the rows differ in them.
        protocols: How the reported epochs were chosen; one entry unless ``protocol`` is a row key.
        selected_on_test: Whether some run chose its epoch on the test set.
    """

    keys: tuple[str, ...]
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]
    class_names: tuple[str, ...]
    train_counts: tuple[int, ...] | None
    protocols: tuple[str, ...]
    selected_on_test: bool


def compare(records: Sequence[RunRecord], rows: str | Sequence[str], metrics: Sequence[str]) -> Comparison:
    """Group runs into rows and sum up their scores.

    Args:
        records: At least one run.
        rows: What makes a row: ``method``, ``protocol``, or keys of config.yaml; one or several.
        metrics: Names as in ``metrics.json``; those no run has are left out.

    Raises:
        InputError: The runs cannot be compared: they chose their epoch in different ways, were trained on
            different data, or a row holds the same seed twice.
    """
    keys = (rows,) if isinstance(rows, str) else tuple(rows)
    if not records or not keys:
        raise InputError("Nothing to compare: give at least one run and one key to make rows of (rows=method).")
    _check_protocols(records, keys)
    _check_data(records, keys)
    groups = _group(records, keys)
    for labels, members in groups.items():
        _check_seeds(labels, members)
        _check_settings(labels, members)
    known = tuple(name for name in metrics if any(_number(r, name) is not None for r in records))
    counts = {tuple(record.train_counts) for record in records}
    return Comparison(
        keys=keys,
        metrics=known,
        rows=tuple(_row(labels, members, known) for labels, members in groups.items()),
        class_names=tuple(records[0].metrics["class_names"]),
        train_counts=counts.pop() if len(counts) == 1 else None,
        protocols=tuple(dict.fromkeys(record.protocol for record in records)),
        selected_on_test=any(record.metrics.get("selected_on") == "test" for record in records),
    )


def clear_best(comparison: Comparison, metric: str) -> int | None:
    """Find the row that leads by more than the noise of the seeds.

    The gap to the runner-up must exceed the sum of both standard deviations, and both must have been
    measured with at least two seeds; otherwise nobody is the best.

    Args:
        comparison: The comparison.
        metric: One of its metrics.

    Returns:
        Position of the row, or None.
    """
    sign = -1.0 if metric.rsplit("/", 1)[-1] in LOWER_IS_BETTER else 1.0
    means = [(sign * s.mean, i) for i, row in enumerate(comparison.rows) if (s := row.scores[metric]).mean is not None]
    if len(means) < 2:
        return None
    (first, i), (second, j) = sorted(means, reverse=True)[:2]
    stds = [comparison.rows[k].scores[metric].std for k in (i, j)]
    spread = [std for std in stds if std is not None]
    return i if len(spread) == 2 and first - second > sum(spread) else None


def _group(records: Sequence[RunRecord], keys: Sequence[str]) -> dict[tuple[str, ...], list[RunRecord]]:
    groups: dict[tuple[str, ...], list[RunRecord]] = {}
    for record in records:
        groups.setdefault(tuple(record.label(key) for key in keys), []).append(record)
    return groups


def _row(labels: tuple[str, ...], members: Sequence[RunRecord], metrics: Iterable[str]) -> Row:
    scores = {name: Summary(_present(_number(record, name) for record in members)) for name in metrics}
    per_class = zip(*(record.metrics.get("test/recall", ()) for record in members), strict=False)
    return Row(labels, len(members), scores, tuple(Summary(_present(values)) for values in per_class))


def _present(values: Iterable[float | None]) -> tuple[float, ...]:
    return tuple(float(value) for value in values if value is not None)


def _number(record: RunRecord, name: str) -> float | None:
    value = record.metrics.get(name)
    return float(value) if isinstance(value, int | float) else None


def _check_protocols(records: Sequence[RunRecord], keys: Sequence[str]) -> None:
    protocols = sorted({record.protocol for record in records})
    if len(protocols) > 1 and "protocol" not in keys:
        raise InputError(
            f"These runs chose their epoch in different ways ({'; '.join(protocols)}) and cannot share "
            "a table: report their folders one by one, or set them apart with rows=[method,protocol]."
        )


def _check_data(records: Sequence[RunRecord], keys: Sequence[str]) -> None:
    """Methods may be compared, data may not: the keys other than the method must settle the data."""
    others = [key for key in keys if key != "method"]
    for labels, members in _group(records, others).items():
        different = next((r for r in members if r.train_counts != members[0].train_counts), None)
        if different is not None:
            where = f" with {', '.join(labels)}" if labels else ""
            raise InputError(
                f"{members[0].path} and {different.path}{where} were trained on different data "
                f"({_difference(members[0], different)}): add what differs to the rows, "
                "such as rows=[method,imbalance.ratio]."
            )
    if len({len(record.metrics["class_names"]) for record in records}) > 1:
        raise InputError("These runs have different numbers of classes: report each data set on its own.")


def _check_seeds(labels: Sequence[str], members: Sequence[RunRecord]) -> None:
    seen: dict[int, RunRecord] = {}
    for record in members:
        twin = seen.setdefault(record.seed, record)
        if twin is not record:
            raise InputError(
                f"{twin.path} and {record.path} share row {', '.join(labels)} and seed {record.seed} "
                f"({_difference(twin, record)}): add what differs to the rows, or report one of them."
            )


def _check_settings(labels: Sequence[str], members: Sequence[RunRecord]) -> None:
    """Runs of one row repeat one experiment: nothing but the seed may differ."""
    for record in members[1:]:
        if _different_keys(members[0], record):
            raise InputError(
                f"{members[0].path} and {record.path} share row {', '.join(labels)}, but "
                f"{_difference(members[0], record)}: add what differs to the rows, or report them apart."
            )


def _different_keys(a: RunRecord, b: RunRecord) -> list[str]:
    """Settings that matter and differ, but for the seed and what follows it."""
    keys = [key for key in {**a.settings, **b.settings} if _without_folder(a, key) != _without_folder(b, key)]
    return [key for key in keys if matters(key) and key != "seed" and not key.endswith("random_state")]


def _difference(a: RunRecord, b: RunRecord, most: int = 4) -> str:
    """Name the settings two runs differ in."""
    keys = _different_keys(a, b)
    return f"they differ in {first_of(keys, most)}" if keys else "their settings are the same"


def _without_folder(record: RunRecord, key: str) -> object:
    value = record.settings.get(key)
    folder = str(record.settings.get("run_dir") or record.path)
    return value.replace(folder, "") if isinstance(value, str) else value
