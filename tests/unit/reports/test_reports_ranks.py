"""Ranks of several levels: the worked example of Demsar 2006 and the tables in it."""

import numpy as np
import pytest

from lightning_imb.reports.blocks import Blocks
from lightning_imb.reports.ranks import (
    average_ranks,
    cliques,
    critical_difference,
    friedman,
    rank_test,
)

# Demsar 2006, table 6: AUC of C4.5, with parameter m, with cf, with both, on 14 data sets
DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],  # printed as equal, ranked 2 and 3: further decimals differ
        [0.957, 0.978, 0.946, 0.970],
    ]
)
LEVELS = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")


def blocks(scores, metric="test/bacc", levels=LEVELS):
    scores = np.array(scores, dtype=float)
    return Blocks(metric, ("method",), tuple(levels), {"seed": len(scores)}, scores, (1, 1), ("holdout",), False)


def test_average_ranks_are_those_of_the_paper():
    assert average_ranks(DEMSAR, lowest_first=False) == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)


def test_friedmans_statistic_is_that_of_the_paper_corrected_for_ties():
    chi2, p, f, p_f = friedman(DEMSAR)
    n, k = DEMSAR.shape
    uncorrected = 12 * n / (k * (k + 1)) * ((average_ranks(DEMSAR, False) ** 2).sum() - k * (k + 1) ** 2 / 4)
    assert uncorrected == pytest.approx(9.28, abs=5e-3)  # the paper's, which leaves ties as they are
    ties = sum(t**3 - t for row in DEMSAR for t in np.unique(row, return_counts=True)[1])
    assert chi2 == pytest.approx(uncorrected / (1 - ties / (n * k * (k**2 - 1))))
    assert f == pytest.approx((n - 1) * chi2 / (n * (k - 1) - chi2))
    assert p_f < p < 0.05


@pytest.mark.parametrize(
    ("k", "q05", "q10"),  # Demsar 2006, table 5(a)
    [(2, 1.960, 1.645), (3, 2.343, 2.052), (4, 2.569, 2.291), (5, 2.728, 2.459), (10, 3.164, 2.920)],
)
def test_critical_values_are_those_of_the_paper(k, q05, q10):
    for alpha, q in ((0.05, q05), (0.10, q10)):
        found = critical_difference(k, 7, alpha)
        assert found / np.sqrt(k * (k + 1) / 42) == pytest.approx(q, abs=1.1e-3)  # the table has three decimals


def test_critical_difference_of_the_papers_example():
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=5e-3)
    assert critical_difference(4, 14, alpha=0.10) == pytest.approx(1.12, abs=5e-3)


def test_the_whole_test_has_the_best_first():
    test = rank_test(blocks(DEMSAR))
    assert test.levels == ("C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5")
    assert test.ranks == pytest.approx([1.964, 2.000, 2.893, 3.143], abs=5e-4)
    assert (test.n, round(test.critical, 2)) == (14, 1.25)


def test_of_a_loss_the_lowest_ranks_first():
    assert rank_test(blocks(-DEMSAR, "test/loss")).levels == rank_test(blocks(DEMSAR)).levels


def test_blocks_that_lack_a_level_are_left_out():
    scores = np.vstack([DEMSAR, [[0.1, np.nan, 0.9, 0.2]]])
    assert rank_test(blocks(scores)) == rank_test(blocks(DEMSAR))


@pytest.mark.parametrize(
    ("scores", "counts"), [(DEMSAR[:4], "there are 4 and 4"), (DEMSAR[:, :2], "there are 2 and 14")]
)
def test_too_few_are_told_and_not_tested(scores, counts):
    found = rank_test(blocks(scores, levels=LEVELS[: scores.shape[1]]))
    assert found.startswith("No Friedman test and no critical difference")
    assert counts in found


def test_extremes_have_numbers():
    assert friedman(np.ones((6, 3))) == (0.0, 1.0, 0.0, 1.0)
    chi2, p, f, p_f = friedman(np.tile([1.0, 2.0, 3.0], (6, 1)))  # every block has the same order
    assert chi2 == pytest.approx(12)
    assert (f, p_f) == (np.inf, 0.0)
    assert 0 < p < 0.01


@pytest.mark.parametrize(
    ("ranks", "critical", "expected"),
    [
        ((1.964, 2.0, 2.893, 3.143), 1.25, [(0, 3)]),
        ((1.964, 2.0, 2.893, 3.143), 1.16, [(0, 2), (1, 3)]),
        ((1.0, 2.0, 3.0), 0.5, []),
        ((1.0, 1.2, 3.0, 3.1), 0.5, [(0, 1), (2, 3)]),
    ],
)
def test_bars_join_the_largest_groups_within_the_critical_difference(ranks, critical, expected):
    assert cliques(ranks, critical) == expected
