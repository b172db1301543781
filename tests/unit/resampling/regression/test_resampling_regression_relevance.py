"""Which targets are rare: relevance from box plots, sparse bins and control points, and the runs they make."""

from itertools import pairwise

import numpy as np
import pytest

from lightning_imb.resampling.regression.rarity import Rarity
from lightning_imb.resampling.regression.relevance import box_plot_points, density_relevance, through
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.target_bins import TargetBins

NORMAL = np.random.default_rng(0).normal(5.5, 1, 20_000)


def smooth(t):
    return 3 * t**2 - 2 * t**3


def test_between_two_points_it_is_the_smooth_step_and_flat_beyond_them():
    points = [(1.0, 1.0), (5.0, 0.0), (7.0, 1.0)]
    y = np.array([-3, 1, 2, 3, 4, 5, 5.5, 6, 7, 100.0])
    expected = [smooth(min(1, (5 - v) / 4)) if v < 5 else smooth(min(1, (v - 5) / 2)) for v in y]
    np.testing.assert_allclose(through(points, y), expected, atol=1e-12)
    assert through(points, [3.0, 6.0]) == pytest.approx([0.5, 0.5])


def test_it_rises_on_either_side_of_the_median():
    phi = through(box_plot_points(NORMAL), np.sort(NORMAL))
    middle = len(phi) // 2
    assert (np.diff(phi[:middle]) <= 0).all()
    assert (np.diff(phi[middle:]) >= 0).all()
    assert (phi.min(), phi.max()) == (pytest.approx(0, abs=1e-6), 1)


def test_whiskers_end_at_the_outermost_target_within_one_and_a_half_boxes():
    y = np.array([-9.0, 1, 2, 3, 4, 5, 6, 7, 8, 30])  # quartiles 2.25 and 6.75: whiskers within -4.5..13.5
    assert box_plot_points(y) == [(1.0, 1.0), (4.5, 0.0), (8.0, 1.0)]


def test_a_side_without_outliers_has_no_rare_targets():
    y = np.array([0.0, 1, 2, 3, 4, 5, 6, 7, 8, 90])
    assert box_plot_points(y) == [(0.0, 0.0), (4.5, 0.0), (8.0, 1.0)]


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_few_targets_have_no_extremes(n):
    points = box_plot_points(np.arange(float(n)))
    assert {relevance for _, relevance in points} == {0.0}
    assert (through(points, np.arange(float(n))) == 0).all()


def test_a_box_without_length_is_refused_where_there_are_outliers():
    with pytest.raises(InputError, match="too many of them are 2"):
        box_plot_points(np.array([2.0, 2, 2, 2, 9]))
    assert box_plot_points(np.full(4, 2.0)) == [(2.0, 0.0)]


@pytest.mark.parametrize(("threshold", "beyond", "share"), [(0.5, 1.35, 0.177), (0.8, 1.92, 0.054)])
def test_rare_targets_of_a_normal_law(threshold, beyond, share):
    low, normal, high = Rarity("extremes", threshold, None, "resampler").partitions(NORMAL)
    assert (low.rare, normal.rare, high.rare) == (True, False, True)
    assert (5.5 - low.high, high.low - 5.5) == (pytest.approx(beyond, abs=0.05), pytest.approx(beyond, abs=0.05))
    assert (len(low.rows) + len(high.rows)) / len(NORMAL) == pytest.approx(share, abs=0.008)


def test_density_is_one_minus_the_filling_of_the_bin():
    y = [0.1, 0.2, 0.3, 0.4, 1.5, 2.1, 2.2]
    np.testing.assert_allclose(density_relevance(y, TargetBins((0, 1, 2, 3))), [0, 0, 0, 0, 0.75, 0.5, 0.5])


def test_density_finds_a_gap_in_the_middle():
    y = np.concatenate([np.linspace(0, 0.9, 50), [1.5, 1.2], np.linspace(2, 2.9, 50)])
    runs = Rarity("density", 0.8, [0, 1, 2, 3], "resampler").partitions(y)
    assert [run.rare for run in runs] == [False, True, False]
    assert (runs[1].low, runs[1].high) == (1.2, 1.5)
    assert runs[1].rows.tolist() == [50, 51]


def test_runs_hold_every_row_once_and_touch_at_the_threshold():
    y = np.random.default_rng(1).permutation(NORMAL[:500])
    rarity = Rarity([[3, 1], [5.5, 0], [8, 1]], 0.5, None, "posthoc")
    runs, relevance = rarity.partitions(y), rarity.of(y)
    assert sorted(np.concatenate([run.rows for run in runs])) == list(range(500))
    for run in runs:
        assert (np.diff(run.rows) > 0).all()
        assert ((relevance[run.rows] >= 0.5) == run.rare).all()
        assert (run.low, run.high) == (y[run.rows].min(), y[run.rows].max())
    assert all(one.high < other.low for one, other in pairwise(runs))


def test_targets_that_are_even_have_no_rare_ones_and_the_warning_gives_control_points_that_work(caplog):
    y = np.linspace(1, 10, 91)
    rarity = Rarity("extremes", 0.8, None, "resampler")
    rarity.check(y)
    [run] = rarity.partitions(y)
    assert not run.rare
    assert run.rows.tolist() == list(range(91))
    [warning] = [record.getMessage() for record in caplog.records]
    for part in ("no training target is rare", "highest relevance is 0,", "threshold=0.8", "[[1,1],[5.5,0],[10,1]]"):
        assert part in warning
    assert len(Rarity([[1, 1], [5.5, 0], [10, 1]], 0.8, None, "resampler").partitions(y)) == 3


def test_targets_that_are_all_the_same_are_refused():
    with pytest.raises(InputError, match="all of them are 4: give different targets"):
        Rarity("extremes", 0.8, None, "posthoc").partitions(np.full(5, 4.0))


def test_all_rare_is_refused_too():
    with pytest.raises(InputError, match=r"every training target is rare at posthoc\.threshold=0: raise it"):
        Rarity("extremes", 0, None, "posthoc").partitions(NORMAL)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("rare", 0.8, 3), "resampler.relevance is 'rare'; choose one of extremes, density"),
        (("extremes", 1.2, 3), "resampler.threshold is 1.2"),
        (("density", 0.8, None), "resampler.bins is null"),
        (("density", 0.8, [2, 1]), r"resampler.bins=\[2, 1\]"),
        (([[1, 1]], 0.8, None), "must be extremes, density, or points"),
        (([1, 2], 0.8, None), "must be extremes, density, or points"),
        (([[1, 1], ["x", 0]], 0.8, None), "must be extremes, density, or points"),
        (([[2, 1], [1, 0]], 0.8, None), "targets ascending"),
        (([[1, 2], [2, 0]], 0.8, None), r"relevance in 0\.\.1"),
    ],
)
def test_impossible_settings_are_refused_at_once(settings, message):
    with pytest.raises(InputError, match=message):
        Rarity(*settings, "resampler")
