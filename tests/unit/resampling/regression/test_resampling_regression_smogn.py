"""SMOGN against loops: sizes of the runs, who interpolates and who is moved by noise, and the targets of both."""

import numpy as np
import pytest

from lightning_imb.resampling.regression import SMOGN
from lightning_imb.resampling.regression.between import between, smoter
from lightning_imb.resampling.regression.smogn import half_median_distances, wanted_sizes
from lightning_imb.utils.errors import InputError

POINTS = [[1, 1], [5.5, 0], [10, 1]]  # with a threshold of 0.5: rare up to 3.25 and from 7.75


def rows(counts=(6, 60, 9), width=3, seed=0, dtype=np.float32):
    """Rows along a curve of the target, shuffled; ``counts`` of them rare and low, normal, rare and high."""
    rng = np.random.default_rng(seed)
    ranges = ((1, 3), (4, 7), (8, 10))
    y = np.concatenate([low + (high - low) * rng.random(n) for (low, high), n in zip(ranges, counts, strict=True)])
    y = rng.permutation(y)
    z = np.column_stack([y, *(0.5 * rng.normal(size=len(y)) for _ in range(width - 1))])
    return z.astype(dtype), y.astype(dtype)


def smogn(**changes):
    return SMOGN(**({"relevance": POINTS, "threshold": 0.5, "random_state": 0} | changes))


def made(sampler, z, y):
    new_z, new_y = sampler.fit_resample(z, y)
    return new_z[sampler.n_real_ :], new_y[sampler.n_real_ :]


def is_between(row, target, z, y, k=5):
    """Whether a row, with its target, lies between a row and one of its k nearest, nearer than half the median."""
    for i in range(len(z)):
        gaps = [float(np.linalg.norm(z[j] - z[i])) for j in range(len(z))]
        others = sorted((gap, j) for j, gap in enumerate(gaps) if j != i)
        reach = np.median([gap for gap, _ in others]) / 2
        for gap, j in others[:k]:
            if gap >= reach:
                continue
            d_i, d_j = np.linalg.norm(row - z[i]), np.linalg.norm(row - z[j])
            on_the_way = d_i + d_j <= gap * (1 + 1e-4)
            if on_the_way and abs(target - (d_j * y[i] + d_i * y[j]) / (d_i + d_j)) < 1e-3:
                return True
    return False


@pytest.mark.parametrize(("percentages", "sizes"), [("balance", [25, 25, 25]), ("extreme", [42, 4, 28])])
def test_sizes_of_the_runs(percentages, sizes):
    z, y = rows()
    sampler = smogn(percentages=percentages)
    sampler.fit_resample(z, y)
    n, mean = (6, 60, 9), 25
    wanted = [mean**2 / size for size in n] if percentages == "extreme" else [mean] * 3
    wanted = [75 * size / sum(wanted) for size in wanted]
    assert [round(size) for size in wanted] == sizes
    assert [entry["kept"] + entry["made"] for entry in sampler.report_] == sizes
    assert [entry["real"] for entry in sampler.report_] == [6, 60, 9]
    assert [entry["rare"] for entry in sampler.report_] == [True, False, True]


def test_equal_runs_stay_as_they_are_and_no_run_vanishes():
    assert wanted_sizes([7, 7, 7], "extreme") == [7, 7, 7]
    assert wanted_sizes([1, 1000], "extreme") == [1000, 1]
    assert min(wanted_sizes([1, 1, 5000], "extreme")) == 1


def test_rows_that_stay_come_first_unchanged_and_in_order_without_repeats():
    z, y = rows()
    sampler = smogn()
    new_z, new_y = sampler.fit_resample(z, y)
    at = [int(np.flatnonzero(y == value)[0]) for value in new_y[: sampler.n_real_]]
    assert at == sorted(set(at))
    assert sampler.n_real_ == 6 + 25 + 9
    assert new_z[: sampler.n_real_].tobytes() == z[at].tobytes()
    assert set(np.flatnonzero((y < 3.5) | (y > 7.5))) <= set(at)  # no rare row is lost


def test_without_under_sampling_all_rows_stay():
    z, y = rows()
    sampler = smogn(under=False)
    new_z, new_y = sampler.fit_resample(z, y)
    assert sampler.n_real_ == len(z)
    assert new_z[: len(z)].tobytes() == z.tobytes()
    assert new_y[: len(y)].tobytes() == y.tobytes()
    assert [entry["made"] for entry in sampler.report_] == [19, 0, 16]


def test_without_noise_every_new_row_lies_between_near_neighbours_or_on_a_row():
    """A neighbour that is far gives noise, here of no size."""
    z, y = rows((12, 90, 15))
    sampler = smogn(perturbation=0)
    new_z, new_y = made(sampler, z, y)
    kinds = {"interpolated": 0, "noisy": 0}
    for row, target in zip(new_z, new_y, strict=True):
        own = (y < 3.5) if target < 3.5 else (y > 7.5)
        copy = ((z == row).all(axis=1) & (y == target)).any()
        assert copy or is_between(row, target, z[own], y[own])
        kinds["noisy" if copy else "interpolated"] += 1
    assert kinds["interpolated"] > 3
    assert kinds["noisy"] > 3
    for kind, number in kinds.items():
        assert sum(entry[kind] for entry in sampler.report_) == number


def test_every_row_of_a_run_is_a_base_equally_often():
    """Neighbours are out of reach, so rows move little and tell their base: 6 + 3 · 6 + 1 are 25."""
    z, y = rows(width=6)
    z[y < 3.5] = np.eye(6)  # all as far from each other
    new_y = made(smogn(perturbation=0, k=1), z, y)[1]
    copies = [int((new_y == value).sum()) for value in y[y < 3.5]]
    assert sorted(copies) == [3, 3, 3, 3, 3, 4]


def test_noise_has_the_deviation_of_the_run_and_at_most_half_the_median_distance():
    """Four corners of a square: the nearest are farther than half the median distance, so there is noise alone."""
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=np.float64)
    for side in (10.0, 0.01):
        z = np.concatenate([side * corners, np.full((20_000, 2), 50.0)])
        y = np.concatenate([[1.0, 1.2, 1.4, 1.6], np.full(20_000, 5.5)])
        new_z, new_y = made(smogn(under=False), z, y)
        nearest = new_z[:, None] - side * corners[None]
        moved = nearest[np.arange(len(new_z)), np.abs(nearest).sum(axis=2).argmin(axis=1)]
        scale = min(0.02, side / 2)
        deviation = np.sqrt(sum((v - 0.5) ** 2 for v in (0, 0, 1, 1)) / 3) * side
        np.testing.assert_allclose(moved.std(axis=0), scale * deviation, rtol=0.05)
        gaps = new_y[:, None] - y[:4]
        spread = gaps[np.arange(len(gaps)), np.abs(gaps).argmin(axis=1)].std()
        assert spread == pytest.approx(scale * np.std([1.0, 1.2, 1.4, 1.6], ddof=1), rel=0.05)


@pytest.mark.parametrize("n", [2, 3, 4, 7])
def test_half_the_median_distance_leaves_the_row_itself_out(n):
    z = np.random.default_rng(n).normal(size=(n + 2, 3)).astype(np.float32)
    among = np.arange(1, n + 1)
    bases = np.array([n, 1, n])
    expected = [np.median([np.linalg.norm(z[j].astype(float) - z[i]) for j in among if j != i]) / 2 for i in bases]
    np.testing.assert_allclose(half_median_distances(z, among, bases), expected, rtol=1e-6)


def test_the_nearer_row_weighs_more_in_the_target_of_a_point_between():
    z, y = np.array([[0.0, 0], [4, 3], [0, 0]]), np.array([2.0, 7.0, 9.0])
    points = smoter(z, y, np.array([0, 0, 0]), np.array([1, 1, 2]), np.random.default_rng(0))
    for row, target in zip(points.z[:2], points.y[:2], strict=True):
        d_i, d_p = np.linalg.norm(row - z[0]), np.linalg.norm(row - z[1])
        assert target == pytest.approx((d_p * 2.0 + d_i * 7.0) / (d_i + d_p))
    assert points.y[2] == 5.5  # in the same place: the mean
    assert points.z[2].tolist() == [0, 0]


def test_the_ends_of_the_way_are_the_rows():
    z = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
    start, end = between(z, np.array([0, 0]), np.array([1, 1]), np.array([0.0, 1.0]))
    assert start.tobytes() == z[0].tobytes()
    np.testing.assert_allclose(end, z[1], rtol=1e-6)


def test_a_run_of_one_row_is_repeated():
    z, y = rows((1, 20, 5))
    sampler = smogn()
    new_z, new_y = made(sampler, z, y)
    low = new_y < 3.5
    assert low.sum() == 9 - 1
    assert (new_z[low] == z[y < 3.5]).all()
    assert (new_y[low] == y[y < 3.5]).all()
    assert sampler.report_[0]["interpolated"] == sampler.report_[0]["noisy"] == 0


def test_a_run_of_two_rows_and_rows_in_the_same_place():
    z, y = rows((2, 30, 12))
    z[y > 7.5] = z[y > 7.5][0]
    new_z, new_y = made(smogn(), z, y)
    high = new_y > 7.5
    assert (new_z[high] == z[y > 7.5][0]).all()  # no distance: no noise
    assert np.isfinite(new_z).all()
    assert (new_y[~high] < 3.5).all()


def test_a_constant_feature_stays_constant():
    z, y = rows()
    z[:, 2] = 4
    assert (made(smogn(), z, y)[0][:, 2] == 4).all()


def test_rare_in_the_middle_by_density():
    rng = np.random.default_rng(0)
    y = np.concatenate([rng.uniform(0, 1, 40), rng.uniform(1, 2, 4), rng.uniform(2, 3, 40)])
    z = np.column_stack([y, rng.normal(size=len(y))])
    sampler = SMOGN(relevance="density", threshold=0.8, bins=[0, 1, 2, 3], random_state=0)
    new_y = sampler.fit_resample(z, y)[1]
    assert [entry["made"] for entry in sampler.report_] == [0, 24, 0]
    assert np.histogram(new_y, [0, 1, 2, 3])[0] == pytest.approx([28, 28, 28], abs=1)


def test_a_set_without_rare_targets_stays_as_it_is():
    y, z = np.linspace(1, 10, 50), np.random.default_rng(0).normal(size=(50, 2))
    sampler = SMOGN(random_state=0)
    sampler.check_targets(y)
    new_z, new_y = sampler.fit_resample(z, y)
    assert np.array_equal(new_z, z)
    assert np.array_equal(new_y, y)
    assert [entry["rare"] for entry in sampler.report_] == [False]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k": 0}, "resampler.k is 0"),
        ({"k": 2.5}, "resampler.k is 2.5"),
        ({"percentages": "auto"}, "choose one of balance, extreme"),
        ({"under": "no"}, "resampler.under is 'no'"),
        ({"perturbation": -0.1}, "resampler.perturbation is -0.1"),
    ],
)
def test_impossible_settings_are_refused_at_once(settings, message):
    with pytest.raises(InputError, match=message):
        SMOGN(**settings)
