"""Numbers of a comparison: runs grouped into rows, scores summed up over seeds."""

import statistics
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from lightning_imb.reports.collect import RunRecord, grouped
from lightning_imb.reports.differences import (
    DATA_GROUPS,
    check_keys,
    cure,
    data_difference,
    data_of,
    difference,
    group_of,
    told_apart_by,
    unlike,
)
from lightning_imb.reports.task import PER_CLASS, Task, task_of
from lightning_imb.utils.direction import lower_is_better
from lightning_imb.utils.errors import InputError

Best = Literal["clear", "mean", "none"]
T = TypeVar("T")


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
        seeds: Seed of each run.
        scores: Summary of each metric.
        by_class: (K,) summary of the recall of each class, or the MSE of each bin, on the test set.
        terms: Protocol and data, which rows must share to be compared.
    """

    labels: tuple[str, ...]
    seeds: tuple[int, ...]
    scores: dict[str, Summary]
    by_class: tuple[Summary, ...]
    terms: Hashable

    @property
    def n(self) -> int:
        """Number of runs."""
        return len(self.seeds)


@dataclass(frozen=True)
class Comparison:
    """Rows that may be compared with each other.

    Attributes:
        keys: What the rows differ in, such as ``("method",)``.
        metrics: Metrics that at least one run has.
        rows: In the order in which they were found.
        task: What all runs are about.
        class_names: (K,) classes or bins; None where the rows differ in them.
        train_counts: (K,) training samples; where they are drawn anew with every seed the mean over the runs, rounded;
            None where the rows differ in them.
        protocols: How the reported epochs were chosen; one entry unless ``protocol`` is a row key.
        selected_on_test: Whether some run chose its epoch on the test set.
    """

    keys: tuple[str, ...]
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]
    task: Task
    class_names: tuple[str, ...] | None
    train_counts: tuple[int, ...] | None
    protocols: tuple[str, ...]
    selected_on_test: bool


def compare(records: Sequence[RunRecord], rows: str | Sequence[str], metrics: Sequence[str]) -> Comparison:
    """Group runs into rows and sum up their scores.

    Args:
        records: At least one run.
        rows: What makes a row: ``method``, ``protocol``, or keys or groups of config.yaml; one or several.
        metrics: Names as in ``metrics.json``; those no run has are left out.

    Raises:
        InputError: The runs cannot be compared: they are about different things, chose their epoch in different
            ways, were trained on different data, a row holds the same seed twice, or no run has a key or any of the
            metrics.
    """
    keys = (rows,) if isinstance(rows, str) else tuple(rows)
    if not records or not keys:
        raise InputError("Nothing to compare: give at least one run and one key to make rows of (rows=method).")
    task = task_of(records)
    check_keys(records, keys)
    check_protocols(records, keys)
    _check_data(records, keys)
    groups = grouped(records, keys)
    for labels, members in groups.items():
        check_repeats(members, f"row {', '.join(labels)}", keys)
    known, data = known_metrics(records, metrics), told_apart_by(records)
    return Comparison(
        keys=keys,
        metrics=known,
        rows=tuple(_row(labels, members, known, PER_CLASS[task].key, data) for labels, members in groups.items()),
        task=task,
        class_names=_common(tuple(record.metrics["class_names"]) for record in records),
        train_counts=shared_counts(records),
        protocols=protocols_of(records),
        selected_on_test=any(record.metrics.get("selected_on") == "test" for record in records),
    )


def known_metrics(records: Sequence[RunRecord], metrics: Sequence[str]) -> tuple[str, ...]:
    """Those of the metrics that at least one run has.

    Raises:
        InputError: No run has any of them.
    """
    known = tuple(name for name in metrics if any(record.score(name) is not None for record in records))
    if not known:
        numbers = [name for name in records[0].metrics if "/" in name and records[0].score(name) is not None]
        raise InputError(f"No run has the score {', '.join(metrics)}: use one of {', '.join(numbers)}.")
    return known


def protocols_of(records: Sequence[RunRecord]) -> tuple[str, ...]:
    """How the reported epochs were chosen, each way once."""
    return tuple(dict.fromkeys(record.protocol for record in records))


def shared_counts(records: Sequence[RunRecord]) -> tuple[int, ...] | None:
    """(K,) training samples of each class or bin that runs on the same data have; None where they differ.

    Numeric targets may be drawn anew with every seed: of a regression it is the mean over the runs, rounded.
    """
    counts = [tuple(record.train_counts) for record in records]
    one_law = records[0].regression and _common(data_of(record) for record in records) is not None
    if one_law and _common(tuple(record.metrics["class_names"]) for record in records) is not None:
        return tuple(round(statistics.fmean(values)) for values in zip(*counts, strict=True))
    return _common(counts)


def leaders(rows: Sequence[Row | None], metric: str, rule: Best) -> list[int]:
    """Find the best rows: one at most among those of the same protocol and data; see :func:`best_of`.

    Args:
        rows: The rows; None where there is none.
        metric: What they are compared in.
        rule: When a row is the best.

    Returns:
        Positions of the best.
    """
    groups: dict[Hashable, list[int]] = {}
    for i, row in enumerate(rows):
        if row is not None:
            groups.setdefault(row.terms, []).append(i)
    found = []
    for members in groups.values():
        best = best_of([row.scores[metric] for i in members if (row := rows[i])], metric, rule)
        if best is not None:
            found.append(members[best])
    return found


def best_of(scores: Sequence[Summary], metric: str, rule: Best) -> int | None:
    """Find the best of several scores.

    Args:
        scores: One summary per candidate.
        metric: What they are scores of.
        rule: ``clear``: the gap to the runner-up must exceed the sum of both standard deviations, and both
            must have been measured with at least two seeds. ``mean``: the best mean, unless it is shared.
            ``none``: nobody is the best.

    Returns:
        Position of the best, or None.
    """
    sign = -1.0 if lower_is_better(metric) else 1.0
    means = [(sign * score.mean, i) for i, score in enumerate(scores) if score.mean is not None]
    if len(means) < 2 or rule == "none":
        return None
    (first, i), (second, j) = sorted(means, reverse=True)[:2]
    if rule == "mean":
        return i if first > second else None
    stds = (scores[i].std, scores[j].std)
    spread = [std for std in stds if std is not None]
    return i if len(spread) == 2 and first - second > sum(spread) else None


def check_protocols(
    records: Sequence[RunRecord], keys: Sequence[str], remedy: str = "set them apart with rows=[method,protocol]"
) -> None:
    """Refuse to mix scores whose epochs were chosen in different ways.

    Args:
        records: The runs.
        keys: What they are told apart by.
        remedy: What the user may do, for the message.

    Raises:
        InputError: There are several protocols and none of the keys tells them apart.
    """
    protocols = sorted({record.protocol for record in records})
    if len(protocols) > 1 and "protocol" not in keys:
        raise InputError(
            f"These runs chose their epoch in different ways ({'; '.join(protocols)}) and cannot be compared: "
            f"report their folders one by one, or {remedy}."
        )


def check_repeats(members: Sequence[RunRecord], where: str, keys: Sequence[str]) -> None:
    """Runs that are averaged repeat one experiment: nothing but the seed differs, and each seed is there once.

    Args:
        members: The runs.
        where: What they share, for the message.
        keys: The keys of the rows so far, for the message.

    Raises:
        InputError: It names two runs, in what they differ, and what to do.
    """
    first, seen = members[0], dict[int, RunRecord]()
    for record in members:
        twin = seen.setdefault(record.seed, record)
        if twin is not record:
            raise InputError(
                f"{twin.path} and {record.path} share {where} and seed {record.seed} "
                f"({difference(twin, record)}): {cure(twin, record, keys)}."
            )
        if record.experiment != first.experiment:
            raise InputError(
                f"{first.path} and {record.path} share {where}, but {difference(first, record)}: "
                f"{cure(first, record, keys)}."
            )


def _row(
    labels: tuple[str, ...],
    members: Sequence[RunRecord],
    metrics: Iterable[str],
    per_class: str,
    data: Callable[[RunRecord], Hashable],
) -> Row:
    scores = {name: Summary(_present(record.score(name) for record in members)) for name in metrics}
    by_class = zip(*(record.metrics.get(per_class, ()) for record in members), strict=False)
    seeds = tuple(record.seed for record in members)
    summaries = tuple(Summary(_present(values)) for values in by_class)
    return Row(labels, seeds, scores, summaries, (members[0].protocol, data(members[0])))


def _present(values: Iterable[float | None]) -> tuple[float, ...]:
    return tuple(float(value) for value in values if value is not None)


def _common(values: Iterable[T]) -> T | None:
    """The value that all share."""
    different = set(values)
    return different.pop() if len(different) == 1 else None


def _check_data(records: Sequence[RunRecord], keys: Sequence[str]) -> None:
    """Methods may be compared, data may not: keys that choose the data must settle it."""
    choosing = [key for key in keys if group_of(key) in DATA_GROUPS]
    for labels, members in grouped(records, choosing).items():
        if pair := unlike(members):
            where = f" with {', '.join(labels)}" if labels else ""
            raise InputError(
                f"{pair[0].path} and {pair[1].path}{where} were trained on different data "
                f"({data_difference(*pair)}): {cure(*pair, keys, DATA_GROUPS)}."
            )
