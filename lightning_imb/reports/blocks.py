"""Scores arranged for paired comparison: one row per block, one column per level.

A block is what two runs share that are compared with each other: data, seed and every other setting that varies
within a level. Only differences within a block are looked at, so what blocks differ in cannot pass for an effect.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from lightning_imb.reports.collect import RunRecord
from lightning_imb.reports.comparison import check_protocols, check_repeats, known_metrics, protocols_of
from lightning_imb.reports.differences import (
    check_keys,
    data_difference,
    data_of,
    difference,
    group_of,
    test_data_of,
    unlike,
    varying_keys,
)
from lightning_imb.reports.task import Task, task_of
from lightning_imb.settings import first_of
from lightning_imb.utils.errors import InputError

# Scores come from counts divided and added up in floating point: equal ones differ behind the twelfth decimal.
DECIMALS = 12

_NAMED_FIRST = ("seed", "dataset", "imbalance", "imbalance.ratio", "imbalance.seed", "dataset.split_seed")

Groups = dict[str, dict[Hashable, list[RunRecord]]]
Identify = Callable[[RunRecord], Hashable]
Values = dict[int, float]


@dataclass(frozen=True)
class Blocks:
    """Scores of several levels on the same blocks.

    Attributes:
        metric: What is compared.
        row_keys: What the levels differ in, such as ``("method",)``.
        levels: (L,) names of the levels, in the order in which they were found.
        keys: What tells the blocks apart, each with its number of different values.
        scores: (N, L) float64; NaN where a level has no run on a block.
        repeats: Fewest and most seeds that a score is the mean of, of the blocks that two levels or more have.
        protocols: How the reported epochs were chosen.
        selected_on_test: Whether some run chose its epoch on the test set.
        unpaired: Number of scores left out of the means: of seeds that another level lacks in the block.
        task: What the runs are about.
    """

    metric: str
    row_keys: tuple[str, ...]
    levels: tuple[str, ...]
    keys: dict[str, int]
    scores: np.ndarray
    repeats: tuple[int, int]
    protocols: tuple[str, ...]
    selected_on_test: bool
    unpaired: int = 0
    task: Task = "classification"

    @property
    def complete(self) -> np.ndarray:
        """(M, L) scores on the blocks that all levels share."""
        found: np.ndarray = self.scores[~np.isnan(self.scores).any(axis=1)]
        return found


def arrange(
    records: Sequence[RunRecord], rows: Sequence[str], metric: str, blocks: Sequence[str] | None = None
) -> Blocks:
    """Arrange one score of all runs by blocks and levels.

    Levels are trained on the same data; but for those that are laws of numeric targets, which share the test set alone.

    Args:
        records: At least one run.
        rows: Keys whose values are the levels.
        metric: Name as in ``metrics.json``.
        blocks: Keys whose values are the blocks; unless ``seed`` is among them, scores are averaged over the seeds
            that all levels found in a block have there. None: the seed, the data and every setting that varies
            within a level.

    Raises:
        InputError: There is one level only, no block is shared, or runs cannot be compared: they are about different
            things, their epochs were chosen in different ways, a block holds different data, or a level has a block
            twice.
    """
    task = task_of(records)
    laws = task == "regression" and any(group_of(key) == "imbalance" for key in rows)
    same_data = test_data_of if laws else data_of
    check_keys(records, [*rows, *(blocks or ())])
    check_protocols(records, blocks or (), "name it as a part of the blocks, blocks=[seed,protocol]")
    known_metrics(records, [metric])
    members = _levels(records, rows)
    axes = sorted(set[str]().union(*(varying_keys(runs) for runs in members.values())))
    identify = _named(blocks) if blocks else _everything(axes, same_data)
    groups = {level: _by(runs, identify) for level, runs in members.items()}
    _check(groups, rows, same_data)
    table = _values(groups, metric)
    shared = [_shared_seeds(row) for row in table]
    scores = _means(table, shared)
    if (np.isfinite(scores).sum(axis=1) < 2).all():
        raise _nothing_shared(members, rows, axes)
    sizes = [len(seeds) for seeds, row in zip(shared, table, strict=True) if seeds and sum(map(bool, row)) > 1]
    return Blocks(
        metric=metric,
        row_keys=tuple(rows),
        levels=tuple(members),
        keys=_telling_keys(records, blocks, _everything(axes, same_data), axes),
        scores=scores,
        repeats=(min(sizes), max(sizes)),
        protocols=protocols_of(records),
        selected_on_test=any(record.metrics.get("selected_on") == "test" for record in records),
        unpaired=sum(len(values.keys() - seeds) for row, seeds in zip(table, shared, strict=True) for values in row),
        task=task,
    )


def _levels(records: Sequence[RunRecord], rows: Sequence[str]) -> dict[str, list[RunRecord]]:
    found = _by(records, lambda record: " ".join(record.label(key) for key in rows))
    levels = {str(level): members for level, members in found.items()}
    if len(levels) < 2:
        raise InputError(f"{next(iter(levels))} is the only value of {', '.join(rows)}: there is nothing to compare.")
    return levels


def _by(records: Sequence[RunRecord], identify: Identify) -> dict[Hashable, list[RunRecord]]:
    groups: dict[Hashable, list[RunRecord]] = {}
    for record in records:
        groups.setdefault(identify(record), []).append(record)
    return groups


def _named(keys: Sequence[str]) -> Identify:
    return lambda record: tuple(record.label(key) for key in keys)


def _everything(axes: Sequence[str], same_data: Identify) -> Identify:
    return lambda record: (record.seed, same_data(record), *(record.experiment.get(key) for key in axes))


def _check(groups: Groups, rows: Sequence[str], same_data: Identify) -> None:
    """Within a block the data are the same; within a block and a level nothing differs but the seed."""
    blocks: dict[Hashable, list[RunRecord]] = {}
    for level, found in groups.items():
        for block, runs in found.items():
            check_repeats(runs, f"{level} and a block", rows)
            blocks.setdefault(block, []).extend(runs)
    for runs in blocks.values():
        if pair := unlike(runs, same_data):
            raise InputError(
                f"{pair[0].path} and {pair[1].path} share a block and were trained on different data "
                f"({data_difference(*pair)}): add what differs to blocks=, or train them on the same data."
            )


def _values(groups: Groups, metric: str) -> list[list[Values]]:
    """One row per block, one entry per level: its scores by seed; runs without the score do not count."""
    blocks = dict.fromkeys(block for found in groups.values() for block in found)
    return [[_by_seed(found.get(block, ()), metric) for found in groups.values()] for block in blocks]


def _by_seed(runs: Sequence[RunRecord], metric: str) -> Values:
    return {run.seed: score for run in runs if (score := run.score(metric)) is not None}


def _shared_seeds(row: Sequence[Values]) -> set[int]:
    """Seeds that all levels of a block have, but for those without any: means over other seeds are not paired."""
    present = [set(values) for values in row if values]
    return set.intersection(*present) if present else set()


def _means(table: Sequence[Sequence[Values]], shared: Sequence[set[int]]) -> np.ndarray:
    """(N, L): one row per block, one column per level."""
    scores = [
        [np.mean([values[seed] for seed in sorted(seeds)]) if values and seeds else np.nan for values in row]
        for row, seeds in zip(table, shared, strict=True)
    ]
    return np.round(np.array(scores, dtype=np.float64), DECIMALS)


def _nothing_shared(members: dict[str, list[RunRecord]], rows: Sequence[str], axes: Sequence[str]) -> InputError:
    """Why no two levels meet: other seeds, other data, or a setting that varies in one level and not in the other."""
    first, second = (runs[0] for runs in list(members.values())[:2])
    varying = f" and every setting that varies within one level ({first_of(axes)})" if axes else ""
    return InputError(
        f"No two values of {', '.join(rows)} share a block, that is the seed, the data{varying}, so nothing can be "
        f"paired: {first.path} and {second.path} have seeds {first.seed} and {second.seed} and "
        f"{difference(first, second)}; run the same seeds and data, make rows of what varies, or name the blocks, "
        "blocks=[seed,imbalance.ratio]."
    )


def _telling_keys(
    records: Sequence[RunRecord], blocks: Sequence[str] | None, identify: Identify, axes: Sequence[str]
) -> dict[str, int]:
    """As few keys as tell the blocks apart, with their numbers of values: what follows from others is left out."""
    if blocks:
        return {key: len({record.label(key) for record in records}) for key in blocks}
    wanted = len({identify(record) for record in records})
    told: list[tuple[str, ...]] = [()] * len(records)
    chosen: dict[str, int] = {}
    for key in dict.fromkeys((*_NAMED_FIRST, *axes)):
        labels = [record.label(key) for record in records]
        finer = [(*before, label) for before, label in zip(told, labels, strict=True)]
        if len(set(finer)) > len(set(told)):
            told, chosen[key] = finer, len(set(labels))
        if len(set(told)) >= wanted:
            break
    return chosen
