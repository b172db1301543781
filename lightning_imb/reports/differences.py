"""In what two runs differ, in the settings that can change a result."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from lightning_imb.reports.collect import REPEATED_SEEDS, RunRecord
from lightning_imb.settings import first_of
from lightning_imb.utils.errors import InputError

# What decides which images a run was trained and scored on; a protocol may hold some of them out.
DATA_GROUPS = ("dataset", "imbalance", "protocol")
_DATA_SETTINGS = ("dataset.name", "dataset.split_seed", "dataset.test_size")
_TARGET_SETTINGS = (
    *_DATA_SETTINGS,
    *("dataset.target", "dataset.image_size", "dataset.test_seed", "dataset.laws.range"),
)
_DECODING = ("dataset.image_size", "dataset.channels")  # the same images have another fingerprint with each


def group_of(key: str) -> str:
    """First part of a dotted key."""
    return key.partition(".")[0]


def different_keys(a: RunRecord, b: RunRecord) -> list[str]:
    """Settings that can change a result and differ, but for the seed and what follows it."""
    first, second = a.experiment, b.experiment
    absent = object()
    return [key for key in {**first, **second} if first.get(key, absent) != second.get(key, absent)]


def varying_keys(records: Sequence[RunRecord]) -> set[str]:
    """Settings that are not the same in all runs; see :func:`different_keys`."""
    return {key for record in records[1:] for key in different_keys(records[0], record)}


def difference(a: RunRecord, b: RunRecord, groups: Sequence[str] = (), most: int = 4) -> str:
    """Say in which settings two runs differ.

    Args:
        a: One run.
        b: Another run.
        groups: Groups of the config to look at; all where not given.
        most: How many settings are named.
    """
    keys = _within(different_keys(a, b), groups)
    return f"they differ in {first_of(keys, most)}" if keys else "their settings are the same"


def cure(a: RunRecord, b: RunRecord, rows: Sequence[str], groups: Sequence[str] = ()) -> str:
    """Word what sets two runs apart, such as ``add what differs to the rows, rows=[method,resampler]``.

    Args:
        a: One run.
        b: Another run.
        rows: The keys of the rows so far.
        groups: Groups of the config of which alone a key helps; all where not given.
    """
    keys = _within(different_keys(a, b), groups)
    if not keys:
        return "report one of them"
    return f"add what differs to the rows, rows=[{','.join([*rows, *_telling(a, b, keys)])}], or report one of them"


def _within(keys: Sequence[str], groups: Sequence[str]) -> list[str]:
    return [key for key in keys if not groups or group_of(key) in groups]


def _telling(a: RunRecord, b: RunRecord, keys: Sequence[str], most: int = 3) -> list[str]:
    """As few of the keys as tell two runs apart; a group rather than its keys where its name differs."""
    named = list(dict.fromkeys(group_of(key) for key in keys if a.find(group_of(key)) != b.find(group_of(key))))
    if "method" in named:  # the other groups follow from it
        return ["method"]
    return (named or list(keys))[:most]


def data_of(record: RunRecord) -> Hashable:
    """What settings and counts tell of the data of a run: classes, counts of every split, how they were drawn.

    Numeric targets may be drawn anew with every seed, and bins may follow them: of a regression it is how many
    samples there are and the law of the training targets.
    """
    if record.regression:
        # together: how many of each bin are held out for validation is rounded
        learned = sum(sum(counts) for split, counts in record.metrics["class_counts"].items() if split != "test")
        return test_data_of(record), learned, _settings(record, lambda key: group_of(key) == "imbalance")
    counts = tuple((split, tuple(values)) for split, values in record.metrics["class_counts"].items())
    return tuple(record.metrics["class_names"]), counts, _settings(record, _draws)


def test_data_of(record: RunRecord) -> Hashable:
    """What tells the test sets of two regressions apart: laws of the training targets share one."""
    tested = sum(record.metrics["class_counts"].get("test", ()))
    return tested, _settings(record, lambda key: key in _TARGET_SETTINGS)


def unlike(
    records: Sequence[RunRecord], drawn: Callable[[RunRecord], Hashable] = data_of
) -> tuple[RunRecord, RunRecord] | None:
    """The first two runs that are on different data; None where all are on the same.

    Args:
        records: At least one run.
        drawn: What their settings and counts tell of the data; beside it their fingerprints are compared.
    """
    wanted, seen = drawn(records[0]), dict[Hashable, RunRecord]()
    for record in records:
        if drawn(record) != wanted:
            return records[0], record
        if _fingerprint(record) is not None:
            twin = seen.setdefault(_read_as(record), record)
            if twin.fingerprint != record.fingerprint:
                return twin, record
    return None


def told_apart_by(records: Sequence[RunRecord]) -> Callable[[RunRecord], Hashable]:
    """What tells the data of these runs apart: :func:`data_of`, and the fingerprint where that does not do."""
    alike: dict[Hashable, list[RunRecord]] = {}
    for record in records:
        alike.setdefault(data_of(record), []).append(record)
    if all(unlike(members) is None for members in alike.values()):
        return data_of
    return lambda record: (data_of(record), record.fingerprint)


def data_difference(a: RunRecord, b: RunRecord) -> str:
    """Say what tells the data of two runs apart, which :func:`unlike` has found."""
    told = difference(a, b, DATA_GROUPS)
    if data_of(a) != data_of(b):
        return told
    files = "other files, labels or sizes, by the fingerprint in data.json"
    return f"{files}; {told}" if _within(different_keys(a, b), DATA_GROUPS) else files


def _fingerprint(record: RunRecord) -> str | None:
    """None of a regression, too: numeric targets may be drawn anew with every seed."""
    return None if record.regression else record.fingerprint


def _read_as(record: RunRecord) -> Hashable:
    """What fingerprints of the same data depend on: how images are decoded, and seeds that repeats draw data with."""
    return tuple(
        (key, value)
        for key, value in record.settings.items()
        if key in _DECODING or (key.endswith(REPEATED_SEEDS) and group_of(key) == "dataset")
    )


def _settings(record: RunRecord, wanted: Callable[[str], bool]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted((key, value) for key, value in record.experiment.items() if wanted(key)))


def _draws(key: str) -> bool:
    return key in _DATA_SETTINGS or group_of(key) == "imbalance"


def check_keys(records: Sequence[RunRecord], keys: Iterable[str]) -> None:
    """Refuse a key that no run has.

    Raises:
        InputError: It names the key, and keys like it.
    """
    for key in keys:
        if all(record.find(key) is None for record in records):
            like = [name for name in records[0].settings if group_of(name) == group_of(key)]
            known = f"use one of {first_of(like)}" if like else "use method, or a key of config.yaml"
            raise InputError(f"The runs have no setting {key!r} to tell them apart: {known}.")
