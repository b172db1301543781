"""Paired comparison of two levels over the blocks they share."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from lightning_imb.reports.blocks import DECIMALS, Blocks
from lightning_imb.utils.errors import InputError

LEVEL = 0.95  # of the intervals
RESAMPLES = 9999
MIN_INTERVAL = 5  # below this many pairs a bootstrap draws from too few values to mean anything
MAX_PERMUTED = 13  # pairs: 2^13 sign patterns are all tried
MAX_EXACT = 50  # pairs: up to here the exact distribution is known where there are no ties

_SEED = 0  # the same interval for the same runs


@dataclass(frozen=True)
class Pair:
    """Two levels compared; differences are ``first - second``.

    Attributes:
        first: Name of the first level.
        second: Name of the second level.
        n: Number of blocks that have both.
        median: Median difference; NaN without blocks, like the numbers that follow.
        mean: Mean difference.
        interval: 95% bootstrap interval of the mean difference; None below five blocks.
        effect: Matched-pairs rank-biserial correlation in [-1, 1].
        p: Two-sided p value of the Wilcoxon signed-rank test.
        p_holm: The p value after Holm's correction over all pairs.
    """

    first: str
    second: str
    n: int
    median: float
    mean: float
    interval: tuple[float, float] | None
    effect: float
    p: float
    p_holm: float


def compare_pairs(blocks: Blocks, control: str | None = None) -> list[Pair]:
    """Compare every two levels, or one with all others, over the blocks that both have.

    Args:
        blocks: The scores.
        control: The level that all others are compared with; None for all pairs.

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
            median=float(np.median(gap)) if len(gap) else np.nan,
            mean=float(np.mean(gap)) if len(gap) else np.nan,
            interval=mean_interval(gap),
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


def signed_rank_p(differences: np.ndarray) -> float:
    """Two-sided p value of the Wilcoxon signed-rank test; NaN without differences.

    Zero differences are ranked with the others and then left out (Pratt 1959). The distribution is exact: over
    all sign patterns up to 13 pairs, from the known distribution up to 50 pairs without ties and zeros; else normal.

    Args:
        differences: (n,) differences of pairs.
    """
    n = len(differences)
    if n == 0:
        return np.nan
    if n == 1 or not differences.any():
        return 1.0
    # scipy's wilcoxon does not know the exact distribution under ties and zeros: there it tries the signs
    untied = differences.all() and len(np.unique(np.abs(differences))) == n
    if n <= MAX_PERMUTED:
        method = stats.PermutationMethod(n_resamples=np.inf)
    else:
        method = "exact" if untied and n <= MAX_EXACT else "asymptotic"
    return float(stats.wilcoxon(differences, zero_method="pratt", method=method).pvalue)


def smallest_p(n: int) -> float:
    """The smallest two-sided p value that n pairs can reach: all differences have one sign."""
    return min(1.0, 2.0 / 2.0**n)


def rank_biserial(differences: np.ndarray) -> float:
    """Matched-pairs rank-biserial correlation: favourable minus unfavourable share of the ranks.

    Source:
        Kerby 2014, The simple difference formula, Comprehensive Psychology 3. Zeros as in :func:`signed_rank_p`.

    Args:
        differences: (n,) differences of pairs.

    Returns:
        In [-1, 1]; 1 when all differences are positive, 0 when all are zero, NaN without differences.
    """
    if len(differences) == 0:
        return np.nan
    ranks = stats.rankdata(np.abs(differences))
    total = ranks[differences != 0].sum()
    return float((ranks * np.sign(differences)).sum() / total) if total else 0.0


def mean_interval(differences: np.ndarray) -> tuple[float, float] | None:
    """95% bootstrap interval (BCa) of the mean of at least five differences.

    Args:
        differences: (n,) differences of pairs.

    Returns:
        Its ends, or None below five differences.
    """
    if len(differences) < MIN_INTERVAL:
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
