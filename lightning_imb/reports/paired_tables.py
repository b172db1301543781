"""The paired comparison of levels as text."""

from collections.abc import Sequence

import numpy as np

from lightning_imb.reports.blocks import Blocks
from lightning_imb.reports.captions import WARNING, split_of
from lightning_imb.reports.cells import MISSING, score_text
from lightning_imb.reports.digits import signed
from lightning_imb.reports.grid import Grid
from lightning_imb.reports.paired import LEVEL, MIN_INTERVAL, RESAMPLES, Kind, Pair
from lightning_imb.reports.ranks import ALPHA, ROUGH_BELOW, RankTest
from lightning_imb.reports.signed_rank import MAX_EXACT, smallest_p
from lightning_imb.reports.tables import csv_text
from lightning_imb.reports.task import Task
from lightning_imb.utils.direction import lower_is_better

FEW = 10  # differences other than zero: up to here the smallest p value that is possible is worth a remark

Number = float | int | str | None

_INTERVALS: dict[Kind, str] = {
    "t": f"interval: of the mean, Student's t, from {MIN_INTERVAL['t']} blocks on, exact where differences are normal "
    "and independent",
    "bootstrap": f"interval: of the mean, BCa bootstrap of {RESAMPLES} draws, from {MIN_INTERVAL['bootstrap']} blocks "
    "on, too narrow with few: of normal differences it holds the mean in about 84 % of cases with 5 blocks, 90 % with "
    "10 and 93 % with 20",
}

_SEEDS: dict[Task, str] = {
    "classification": "seeds of one data split share its images, so their differences are correlated and p speaks of "
    "this data, not of other data",
    "regression": "all seeds share one test set, so their differences are correlated and p speaks of it, not of other "
    "test sets",
}


def pairs_grid(pairs: Sequence[Pair], blocks: Blocks) -> Grid:
    """One line per pair: differences, interval, effect size, p values; significant ones are stressed.

    Args:
        pairs: The comparisons.
        blocks: What they were made on.
    """
    title = f"{blocks.metric}, paired over blocks, difference = first - second"
    return Grid(
        title=title + (", lower is better" if lower_is_better(blocks.metric) else ""),
        header=(
            *("first", "second", "blocks", "median", "mean", f"{LEVEL:.0%} interval ({pairs[0].kind})"),
            *("effect", "p", "p (Holm)"),
        ),
        rows=tuple(_line(pair, blocks.task) for pair in pairs),
        labels=2,
        caption="; ".join(remark for remark in _remarks(pairs, blocks) if remark),
        warning=warning_of(blocks),
        bold=frozenset((i, 8) for i, pair in enumerate(pairs) if pair.p_holm < ALPHA),
    )


def ranks_grid(test: RankTest, blocks: Blocks) -> Grid:
    """One line per level, best rank first; Friedman's test and the critical difference below.

    Args:
        test: The test.
        blocks: What it was made on.
    """
    k, means = len(test.levels), np.nanmean(blocks.complete, axis=0)
    mean = dict(zip(blocks.levels, means, strict=True))
    remarks = (
        *conditions(blocks),
        f"on the {test.n} of {len(blocks.scores)} blocks that all have",
        f"Friedman: χ²({k - 1}) = {test.chi2:.3g}, p = {test.p_chi2:.3g}",
        f"Iman and Davenport: F({k - 1}, {(k - 1) * (test.n - 1)}) = {test.f:.3g}, p = {test.p_f:.3g}",
        f"Nemenyi: ranks more than CD = {test.critical:.2f} apart differ at {ALPHA} (Demsar 2006)",
        "Friedman's test finds no difference, so no pair may be called different" if test.p_f >= ALPHA else "",
        f"below {ROUGH_BELOW} blocks these p values are rough" if test.n < ROUGH_BELOW else "",
    )
    return Grid(
        title=f"{blocks.metric}, average ranks, 1 is the best",
        header=(" ".join(blocks.row_keys), "average rank", "mean"),
        rows=tuple(
            (level, f"{rank:.2f}", score_text(mean[level], blocks.task))
            for level, rank in zip(test.levels, test.ranks, strict=True)
        ),
        caption="; ".join(remark for remark in remarks if remark),
        warning=warning_of(blocks),
    )


def conditions(blocks: Blocks) -> tuple[str, ...]:
    """What every number made of the blocks rests on: split, protocol, what a block is, and what seeds are worth."""
    return (
        split_of([blocks.metric]),
        f"protocol: {'; '.join(blocks.protocols)}",
        _blocks_remark(blocks),
        *((_SEEDS[blocks.task],) if "seed" in blocks.keys else ()),
    )


def warning_of(blocks: Blocks) -> str:
    """The warning that epochs were chosen on the test set; empty where none was."""
    return WARNING if blocks.selected_on_test else ""


def pairs_csv(pairs: Sequence[Pair], blocks: Blocks) -> str:
    """Write the comparisons as csv with numbers of full precision, one line per pair; what there is not is empty."""
    header = (
        *("metric", "protocol", "first", "second", "blocks", "median", "mean", "low", "high"),
        *("rank_biserial", "p", "p_holm", "interval"),
    )
    shared = (blocks.metric, "; ".join(blocks.protocols))
    return csv_text([header, *([*shared, *_numbers(pair)] for pair in pairs)])


def _numbers(pair: Pair) -> list[Number]:
    low, high = pair.interval or (np.nan, np.nan)
    numbers = (pair.median, pair.mean, low, high, pair.effect, pair.p, pair.p_holm)
    known = (None if np.isnan(number) else number for number in numbers)
    return [pair.first, pair.second, pair.n, *known, pair.kind]


def _line(pair: Pair, task: Task) -> tuple[str, ...]:
    if pair.n == 0:
        return (pair.first, pair.second, "0", *[MISSING] * 6)
    ends = [_gap(end, task) for end in pair.interval or ()]
    gaps = (_gap(pair.median, task), _gap(pair.mean, task), f"[{', '.join(ends)}]" if ends else MISSING)
    return (pair.first, pair.second, str(pair.n), *gaps, f"{pair.effect:+.2f}", f"{pair.p:.3g}", f"{pair.p_holm:.3g}")


def _gap(value: float, task: Task) -> str:
    """Errors have the scale of their targets, whatever it is."""
    return signed(value) if task == "regression" else f"{value:+.3f}"


def _remarks(pairs: Sequence[Pair], blocks: Blocks) -> tuple[str, ...]:
    return (
        *conditions(blocks),
        "two-sided Wilcoxon signed-rank test, zero differences ranked and then left out (Pratt), "
        f"exact up to {MAX_EXACT} others",
        f"Holm's correction over {len(pairs)} pairs, bold below {ALPHA}" if len(pairs) > 1 else "",
        "effect: matched-pairs rank-biserial correlation in [-1, 1] (Kerby 2014)",
        _INTERVALS[pairs[0].kind],
        _floor_remark(pairs),
    )


def _blocks_remark(blocks: Blocks) -> str:
    """What a block is, how many there are, what is averaged in it, and how many lack a level."""
    axes = " and ".join(f"{key} ({count})" for key, count in blocks.keys.items())
    averaged = f", each score the mean over {_seeds_remark(blocks)}" if blocks.repeats[1] > 1 or blocks.unpaired else ""
    lacking = len(blocks.scores) - len(blocks.complete)
    missing = f", {lacking} of them not complete" if lacking else ""
    return f"{len(blocks.scores)} blocks, told apart by {axes}{averaged}{missing}"


def _seeds_remark(blocks: Blocks) -> str:
    fewest, most = blocks.repeats
    number = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    text = f"{number} seeds that all compared in the block have"
    return f"{text} ({blocks.unpaired} scores of other seeds left out)" if blocks.unpaired else text


def _floor_remark(pairs: Sequence[Pair]) -> str:
    """The smallest p value that so few differences can give; empty where they are not few.

    Where the pairs have different numbers of them, Holm's correction has no one floor.
    """
    tested = [pair.unequal for pair in pairs if pair.n > 0]
    n = min((count for count in tested if count), default=FEW + 1)
    if n > FEW:
        return ""
    floor = smallest_p(n)
    text = f"with {n} differences other than zero no p below 2/2^{n} = {floor:.3g} is possible"
    if len(tested) == 1 or len(set(tested)) > 1:
        return text
    return f"{text}, nor below {min(1.0, floor * len(tested)):.3g} after the correction"
