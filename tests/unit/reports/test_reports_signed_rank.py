"""The signed-rank test: against values worked out by hand, by enumeration and in the literature."""

import itertools

import numpy as np
import pytest
from scipy.stats import norm, rankdata, wilcoxon

from lightning_imb.reports.signed_rank import (
    MAX_EXACT,
    below_zero_p,
    rank_biserial,
    signed_rank_p,
    smallest_one_sided_p,
    smallest_p,
)

# Darwin's maize: height of crossed minus self-fertilised plants, eighths of an inch (Fisher 1935, The design of
# experiments, chapter 3); R's wilcox.test gives V = 96, p = 0.04126
DARWIN = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48.0])


def enumerated(differences, one_sided=False):
    """p by its definition: the share of sign patterns whose rank sum lies as far from the middle, or as low."""
    ranks = rankdata(np.abs(differences))[differences != 0]  # Pratt: zeros are ranked, then left out
    total, found = ranks.sum(), (rankdata(np.abs(differences)) * (differences > 0)).sum()
    sums = [np.dot(signs, ranks) for signs in itertools.product((0, 1), repeat=len(ranks))]
    if one_sided:
        return np.mean([s <= found + 1e-9 for s in sums])
    return np.mean([abs(s - total / 2) >= abs(found - total / 2) - 1e-9 for s in sums])


def test_signed_ranks_of_darwins_maize():
    assert signed_rank_p(DARWIN) == pytest.approx(0.04126, abs=5e-6)
    assert rank_biserial(DARWIN) == pytest.approx((96 - 24) / 120)  # V = 96 of 120


@pytest.mark.parametrize(
    "differences",
    [
        [1, 2, 3, 4, 5],
        [1, -2, 3, 4, 5],
        [1, 1, -1, 2, 2],  # ties
        [0, 0, 3, -1, 2, 2],  # zeros and ties
        [0.5],
        [-1, 1],
        [3, -1, 4, 1, -5, 9, 2, 6, 5, 3],
    ],
)
def test_few_pairs_have_an_exact_p_value_with_ties_and_zeros(differences):
    differences = np.array(differences, dtype=float)
    assert signed_rank_p(differences) == pytest.approx(enumerated(differences))
    for turned in (differences, -differences):
        assert below_zero_p(turned) == pytest.approx(enumerated(turned, one_sided=True))


def test_many_tied_pairs_use_the_normal_distribution():
    differences = np.repeat(DARWIN, 4)
    ranks = rankdata(np.abs(differences))
    n, tie = len(differences), 4**3 - 4
    deviation = (ranks * (differences > 0)).sum() - n * (n + 1) / 4
    z = deviation / np.sqrt(n * (n + 1) * (2 * n + 1) / 24 - len(DARWIN) * tie / 48)
    assert signed_rank_p(differences) == pytest.approx(2 * norm.sf(abs(z)))
    assert below_zero_p(differences) == pytest.approx(norm.cdf(z))


def test_equal_scores_show_nothing():
    assert signed_rank_p(np.zeros(6)) == 1.0
    assert rank_biserial(np.zeros(6)) == 0.0
    assert below_zero_p(np.zeros(6)) == 1.0
    assert np.isnan(signed_rank_p(np.array([])))
    assert np.isnan(below_zero_p(np.array([])))
    assert np.isnan(rank_biserial(np.array([])))


@pytest.mark.parametrize("n", range(1, 11))
def test_no_p_value_is_below_the_smallest_that_is_possible(n):
    assert signed_rank_p(np.arange(1.0, n + 1)) == pytest.approx(smallest_p(n))
    assert below_zero_p(-np.arange(1.0, n + 1)) == pytest.approx(smallest_one_sided_p(n))


def test_the_effect_is_the_difference_of_favourable_and_unfavourable_ranks():
    # |d| ranked 1, 2.5, 2.5, 4 and a zero that is ranked first: ranks 2, 3.5, 3.5, 5 without it; only -2 is against
    assert rank_biserial(np.array([0, 1, 2, -2, 3.0])) == pytest.approx((2 + 3.5 + 5 - 3.5) / 14)
    assert rank_biserial(np.array([1, 2, 3.0])) == 1
    assert rank_biserial(-np.array([1, 2, 3.0])) == -1


def test_few_differences_among_many_zeros_are_exact():
    """Four wins of one sign among 16 ties: both extreme patterns of 2^4."""
    assert signed_rank_p(np.array([0.0] * 16 + [1, 2, 3, 4])) == 2 / 2**4
    mixed = np.array([0.0] * 14 + [1, -1, 2, 2, -3, 4])
    assert signed_rank_p(mixed) == pytest.approx(enumerated(mixed))


def test_the_exact_distribution_is_the_known_one_up_to_its_largest_size():
    differences = np.random.default_rng(0).normal(0.3, 1.0, MAX_EXACT)
    assert signed_rank_p(differences) == pytest.approx(wilcoxon(differences, method="exact").pvalue, rel=1e-9)
    assert signed_rank_p(np.arange(1.0, MAX_EXACT + 1)) == smallest_p(MAX_EXACT)
