"""Paired comparison of two levels over the blocks they share."""

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from lightning_imb.reports.blocks import DECIMALS, Blocks
from lightning_imb.reports.signed_rank import rank_biserial, signed_rank_p
from lightning_imb.utils.errors import InputError

LEVEL = 0.95  # of the intervals
RESAMPLES = 9999

Kind = Literal["t", "bootstrap"]
Interval = tuple[float, float]

MIN_INTERVAL: dict[Kind, int] = {"t": 2, "bootstrap": 5}  # pairs; of fewer a bootstrap draws from too few values

_SEED = 0  # the same interval for the same runs


@dataclass(frozen=True)
class Pair:
    """Two levels compared; differences are ``first - second``.

    Attributes:
        first: Name of the first level.
        second: Name of the second level.
        n: Number of blocks that have both.
        unequal: Number of them in which the two differ.
        median: Median difference; NaN without blocks, like the numbers that follow.
        mean: Mean difference.
        interval: 95% interval of the mean difference; None with too few blocks.
        kind: How the interval was made: ``t`` or ``bootstrap``.
        effect: Matched-pairs rank-biserial correlation in [-1, 1].
        p: Two-sided p value of the Wilcoxon signed-rank test.
        p_holm: The p value after Holm's correction over all pairs.
    """

    first: str
    second: str
    n: int
    unequal: int
    median: float
    mean: float
    interval: Interval | None
    kind: Kind
    effect: float
    p: float
    p_holm: float


def compare_pairs(blocks: Blocks, control: str | None = None, kind: Kind = "t") -> list[Pair]:
    """Compare every two levels, or one with all others, over the blocks that both have.

    Args:
        blocks: The scores.
        control: The level that all others are compared with; None for all pairs.
        kind: How the intervals are made; see :func:`t_interval` and :func:`bootstrap_interval`.

    Raises:
        InputError: There is no level of that name.
    """
    levels = blocks.levels
    if control is not None and control not in levels:
        raise InputError(f"There is no {control!r} among {', '.join(levels)}: name one of them as control=.")
    chosen = _pairs(levels, control)
    gaps = [_differences(blocks.scores[:, i], blocks.scores[:, j]) for i, j in chosen]
    ps = [signed_rank_p(gap) for gap in gaps]
    return [
        Pair(
            first=levels[i],
            second=levels[j],
            n=len(gap),
            unequal=int(np.count_nonzero(gap)),
            median=float(np.median(gap)) if len(gap) else np.nan,
            mean=float(np.mean(gap)) if len(gap) else np.nan,
            interval=t_interval(gap.tolist()) if kind == "t" else bootstrap_interval(gap),
            kind=kind,
            effect=rank_biserial(gap),
            p=p,
            p_holm=corrected,
        )
        for (i, j), gap, p, corrected in zip(chosen, gaps, ps, holm(ps), strict=True)
    ]


def _pairs(levels: Sequence[str], control: str | None) -> list[tuple[int, int]]:
    if control is None:
        return list(itertools.combinations(range(len(levels)), 2))
    other = levels.index(control)
    return [(i, other) for i in range(len(levels)) if i != other]


def t_interval(differences: Sequence[float]) -> Interval | None:
    """95% interval of the mean of all pairs there could be, by Student's t: exact for normal differences.

    Args:
        differences: n differences of pairs.

    Returns:
        Its ends, or None below two differences.
    """
    if len(differences) < MIN_INTERVAL["t"]:
        return None
    n, mean = len(differences), statistics.fmean(differences)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, n - 1)) * statistics.stdev(differences) / math.sqrt(n)
    return mean - reach, mean + reach


def bootstrap_interval(differences: np.ndarray) -> Interval | None:
    """95% bootstrap interval (BCa) of the mean: of no law, and too narrow with few differences.

    Args:
        differences: (n,) differences of pairs.

    Returns:
        Its ends, or None below five differences.
    """
    if len(differences) < MIN_INTERVAL["bootstrap"]:
        return None
    if np.ptp(differences) == 0:  # every draw is the same: there is nothing to correct for
        return float(differences[0]), float(differences[0])
    rng = np.random.default_rng(_SEED)
    found = stats.bootstrap((differences,), np.mean, confidence_level=LEVEL, n_resamples=RESAMPLES, rng=rng)
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def holm(ps: Sequence[float]) -> list[float]:
    """Correct p values for their number by Holm's step-down procedure (Holm 1979).

    Args:
        ps: p values; NaN stands for a test that was not made and does not count.

    Returns:
        Corrected p values in the order given, at most 1.
    """
    order = [i for i in np.argsort(ps) if not np.isnan(ps[i])]
    corrected, largest = [np.nan] * len(ps), 0.0
    for rank, i in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * ps[i]))
        corrected[i] = largest
    return corrected


def _differences(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Of the blocks that have both; rounded, for ties must not depend on the last bit."""
    gaps: np.ndarray = np.round(first - second, DECIMALS)
    both: np.ndarray = gaps[~np.isnan(gaps)]
    return both
