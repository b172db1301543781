"""The signed ranks of paired differences: Wilcoxon's test and its effect size."""

import numpy as np
from scipy import stats

MAX_EXACT = 50  # differences other than zero: up to here every sign pattern counts, and a pattern count fits in int64


def signed_rank_p(differences: np.ndarray) -> float:
    """Two-sided p value of the Wilcoxon signed-rank test; NaN without differences.

    Zero differences are ranked with the others and then left out (Pratt 1959). Up to 50 differences other than zero
    the distribution is exact, with ties and zeros too; beyond it is normal.

    Args:
        differences: (n,) differences of pairs.
    """
    if len(differences) == 0 or not differences.any():
        return 1.0 if len(differences) else np.nan
    if np.count_nonzero(differences) > MAX_EXACT:
        return float(stats.wilcoxon(differences, zero_method="pratt", method="asymptotic").pvalue)
    found, counts = _found_and_patterns(differences)
    total = len(counts) - 1
    gaps = np.abs(2 * np.arange(len(counts)) - total)
    return float(counts[gaps >= abs(2 * found - total)].sum() / counts.sum())


def below_zero_p(differences: np.ndarray) -> float:
    """One-sided p value of the Wilcoxon signed-rank test that differences tend to lie below zero.

    Zeros and the distribution as in :func:`signed_rank_p`.

    Args:
        differences: (n,) differences of pairs.
    """
    if len(differences) == 0 or not differences.any():
        return 1.0 if len(differences) else np.nan
    if np.count_nonzero(differences) > MAX_EXACT:
        found = stats.wilcoxon(differences, zero_method="pratt", method="asymptotic", alternative="less")
        return float(found.pvalue)
    sum_above, counts = _found_and_patterns(differences)
    return float(counts[: sum_above + 1].sum() / counts.sum())


def _found_and_patterns(differences: np.ndarray) -> tuple[int, np.ndarray]:
    """Sum of the positive ranks, doubled, and how many sign patterns have each sum."""
    doubled = np.rint(2 * stats.rankdata(np.abs(differences))).astype(np.int64)  # ties have halves
    ranks = doubled[differences != 0]
    return int(ranks[differences[differences != 0] > 0].sum()), _patterns(ranks)


def _patterns(ranks: np.ndarray) -> np.ndarray:
    """How many of the 2^n sign patterns have each sum of positive ranks, 0 to the sum of all."""
    counts = np.zeros(ranks.sum() + 1, dtype=np.int64)
    counts[0] = 1
    for rank in ranks:
        counts[rank:] += counts[:-rank].copy()
    return counts


def smallest_p(n: int) -> float:
    """The smallest two-sided p value that n differences other than zero can reach: all have one sign."""
    return min(1.0, 2.0 / 2.0**n)


def smallest_one_sided_p(n: int) -> float:
    """The smallest one-sided p value that n differences can reach: all lie on the side that is expected."""
    return 1.0 / 2.0**n


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
