"""Two levels on the same blocks: which are paired, and what is told of a pair."""

import numpy as np
import pytest

from lightning_imb.reports.blocks import Blocks
from lightning_imb.reports.paired import bootstrap_interval, compare_pairs, holm, t_interval
from lightning_imb.utils.errors import InputError


def blocks(scores, levels=None):
    scores = np.array(scores, dtype=float)
    levels = tuple(levels or "abcdefgh"[: scores.shape[1]])
    return Blocks("test/bacc", ("method",), levels, {"seed": len(scores)}, scores, (1, 1), ("holdout",), False)


def test_holm_steps_down():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    corrected = holm([0.01, np.nan, 0.02])  # a test that was not made is none of the tests
    assert [corrected[0], corrected[2]] == pytest.approx([0.02, 0.02])
    assert np.isnan(corrected[1])


def test_the_t_interval_is_that_of_the_textbook():
    half = 2.776 * 0.15811388 / 5**0.5  # t(0.975, 4) and the standard deviation
    assert t_interval([0.1, 0.2, 0.3, 0.4, 0.5]) == pytest.approx((0.3 - half, 0.3 + half), abs=1e-4)
    assert t_interval([0.0, 1.0]) == pytest.approx((0.5 - 12.706 / 2, 0.5 + 12.706 / 2), abs=1e-3)
    assert t_interval([0.25] * 3) == pytest.approx((0.25, 0.25))
    assert t_interval([0.25]) is None


def test_the_t_interval_holds_the_mean_of_few_normal_differences_as_often_as_it_says():
    draws = np.random.default_rng(0).normal(0.3, 2.0, (4000, 5))
    held = [low <= 0.3 <= high for low, high in map(t_interval, draws.tolist())]
    assert np.mean(held) == pytest.approx(0.95, abs=0.01)


def test_the_bootstrap_interval_is_that_of_the_mean():
    differences = np.random.default_rng(0).normal(1.0, 2.0, 400)
    low, high = bootstrap_interval(differences)
    half = 1.96 * differences.std(ddof=1) / 20
    assert (low, high) == pytest.approx((differences.mean() - half, differences.mean() + half), abs=0.02)
    assert bootstrap_interval(differences) == (low, high)  # drawn with a fixed seed


@pytest.mark.parametrize("differences", [[0, 0, 0, 0, 1], [0, 1, 0, -1, 0], [1, 1, 1, 1, -9]])
def test_the_bootstrap_interval_exists_for_awkward_differences(differences):
    low, high = bootstrap_interval(np.array(differences, dtype=float))
    assert low <= np.mean(differences) <= high


def test_the_bootstrap_interval_of_equal_differences_is_a_point_and_few_have_none():
    assert bootstrap_interval(np.full(6, 0.25)) == (0.25, 0.25)
    assert bootstrap_interval(np.arange(4.0)) is None


def test_the_interval_is_by_students_t_unless_told():
    given = blocks([[0.1, 0.0], [0.2, 0.0], [0.3, 0.0], [0.4, 0.0], [0.5, 0.0]])
    (plain,), (drawn,) = compare_pairs(given), compare_pairs(given, kind="bootstrap")
    assert (plain.kind, plain.interval) == ("t", t_interval([0.1, 0.2, 0.3, 0.4, 0.5]))
    assert (drawn.kind, drawn.interval) == ("bootstrap", bootstrap_interval(np.arange(1, 6) / 10))
    assert plain.interval[0] < drawn.interval[0] < drawn.interval[1] < plain.interval[1]


def test_pairs_use_the_blocks_that_both_have():
    nan = np.nan
    pairs = compare_pairs(blocks([[0.5, 0.4, nan], [0.6, 0.4, 0.1], [0.7, nan, 0.3], [0.8, 0.9, nan]]))
    assert [(p.first, p.second, p.n) for p in pairs] == [("a", "b", 3), ("a", "c", 2), ("b", "c", 1)]
    assert pairs[0].median == pytest.approx(0.1)
    assert pairs[0].mean == pytest.approx(0.2 / 3)
    assert [p.interval is None for p in pairs] == [False, False, True]
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
