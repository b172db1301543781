"""Two levels on the same blocks: against values worked out by hand, by enumeration and in the literature."""

import itertools

import numpy as np
import pytest
from scipy.stats import norm, rankdata

from lightning_imb.reports.blocks import Blocks
from lightning_imb.reports.paired import (
    compare_pairs,
    holm,
    mean_interval,
    rank_biserial,
    signed_rank_p,
    smallest_p,
)
from lightning_imb.utils.errors import InputError

# Darwin's maize: height of crossed minus self-fertilised plants, eighths of an inch (Fisher 1935, The design of
# experiments, chapter 3); R's wilcox.test gives V = 96, p = 0.04126
DARWIN = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48.0])


def blocks(scores, levels=None):
    scores = np.array(scores, dtype=float)
    levels = tuple(levels or "abcdefgh"[: scores.shape[1]])
    return Blocks("test/bacc", ("method",), levels, {"seed": len(scores)}, scores, (1, 1), ("holdout",), False)


def enumerated(differences):
    """p by its definition: the share of sign patterns whose rank sum lies at least as far from the middle."""
    ranks = rankdata(np.abs(differences))[differences != 0]  # Pratt: zeros are ranked, then left out
    total, found = ranks.sum(), (rankdata(np.abs(differences)) * (differences > 0)).sum()
    sums = [np.dot(signs, ranks) for signs in itertools.product((0, 1), repeat=len(ranks))]
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


def test_many_tied_pairs_use_the_normal_distribution():
    differences = np.repeat(DARWIN, 4)
    ranks = rankdata(np.abs(differences))
    n, tie = len(differences), 4**3 - 4
    deviation = (ranks * (differences > 0)).sum() - n * (n + 1) / 4
    z = deviation / np.sqrt(n * (n + 1) * (2 * n + 1) / 24 - len(DARWIN) * tie / 48)
    assert signed_rank_p(differences) == pytest.approx(2 * norm.sf(abs(z)))


def test_equal_scores_show_nothing():
    assert signed_rank_p(np.zeros(6)) == 1.0
    assert rank_biserial(np.zeros(6)) == 0.0
    assert np.isnan(signed_rank_p(np.array([])))
    assert np.isnan(rank_biserial(np.array([])))


@pytest.mark.parametrize("n", range(1, 11))
def test_no_p_value_is_below_the_smallest_that_is_possible(n):
    assert signed_rank_p(np.arange(1.0, n + 1)) == pytest.approx(smallest_p(n))


def test_the_effect_is_the_difference_of_favourable_and_unfavourable_ranks():
    # |d| ranked 1, 2.5, 2.5, 4 and a zero that is ranked first: ranks 2, 3.5, 3.5, 5 without it; only -2 is against
    assert rank_biserial(np.array([0, 1, 2, -2, 3.0])) == pytest.approx((2 + 3.5 + 5 - 3.5) / 14)
    assert rank_biserial(np.array([1, 2, 3.0])) == 1
    assert rank_biserial(-np.array([1, 2, 3.0])) == -1


def test_holm_steps_down():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    corrected = holm([0.01, np.nan, 0.02])  # a test that was not made is none of the tests
    assert [corrected[0], corrected[2]] == pytest.approx([0.02, 0.02])
    assert np.isnan(corrected[1])


def test_the_interval_is_that_of_the_mean():
    differences = np.random.default_rng(0).normal(1.0, 2.0, 400)
    low, high = mean_interval(differences)
    half = 1.96 * differences.std(ddof=1) / 20
    assert (low, high) == pytest.approx((differences.mean() - half, differences.mean() + half), abs=0.02)
    assert mean_interval(differences) == (low, high)  # drawn with a fixed seed


@pytest.mark.parametrize("differences", [[0, 0, 0, 0, 1], [0, 1, 0, -1, 0], [1, 1, 1, 1, -9]])
def test_the_interval_exists_for_awkward_differences(differences):
    low, high = mean_interval(np.array(differences, dtype=float))
    assert low <= np.mean(differences) <= high


def test_the_interval_of_equal_differences_is_a_point_and_few_have_none():
    assert mean_interval(np.full(6, 0.25)) == (0.25, 0.25)
    assert mean_interval(np.arange(4.0)) is None


def test_pairs_use_the_blocks_that_both_have():
    nan = np.nan
    pairs = compare_pairs(blocks([[0.5, 0.4, nan], [0.6, 0.4, 0.1], [0.7, nan, 0.3], [0.8, 0.9, nan]]))
    assert [(p.first, p.second, p.n) for p in pairs] == [("a", "b", 3), ("a", "c", 2), ("b", "c", 1)]
    assert pairs[0].median == pytest.approx(0.1)
    assert pairs[0].mean == pytest.approx(0.2 / 3)
    assert pairs[0].interval is None
    assert [p.p_holm for p in pairs] == holm([p.p for p in pairs])


def test_levels_that_never_meet_have_no_numbers():
    nan = np.nan
    pair = compare_pairs(blocks([[0.5, 0.4, nan], [0.6, nan, 0.4]]))[2]
    assert (pair.n, pair.interval) == (0, None)
    assert np.isnan([pair.median, pair.mean, pair.effect, pair.p, pair.p_holm]).all()


def test_equal_differences_are_ties_whatever_their_last_bits():
    scores = [[0.3, 0.2], [0.8, 0.7], [0.2, 0.3], [0.6, 0.2]]  # 0.3 - 0.2 is not 0.8 - 0.7 in floating point
    assert 0.3 - 0.2 != 0.8 - 0.7
    (pair,) = compare_pairs(blocks(scores))
    assert pair.effect == pytest.approx((2 + 2 - 2 + 4) / 10)


def test_a_control_is_compared_with_all_others():
    pairs = compare_pairs(blocks(np.random.default_rng(0).random((6, 4))), control="b")
    assert [(p.first, p.second) for p in pairs] == [("a", "b"), ("c", "b"), ("d", "b")]
    assert [p.p_holm for p in pairs] == holm([p.p for p in pairs])


def test_an_unknown_control_is_named():
    with pytest.raises(InputError, match="'x' among a, b"):
        compare_pairs(blocks([[1, 2]]), control="x")
