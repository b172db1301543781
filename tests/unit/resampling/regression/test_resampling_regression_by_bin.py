"""What raises bins: the base of the resamplers, copies, and copies with noise."""

import numpy as np
import pytest

from lightning_imb.resampling.regression import GaussianByBin, RandomByBin
from lightning_imb.utils.errors import InputError

EDGES = [0, 1, 2, 3, 4]


def rows(counts=(30, 8, 0, 3), width=3, seed=0):
    """Rows along a line of the target, in shuffled order, ``counts`` of them per bin of width 1."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.concatenate([low + rng.random(n) for low, n in enumerate(counts)]))
    z = y[:, None] + 0.3 * rng.normal(size=(len(y), width))
    return z.astype(np.float32), y.astype(np.float32)


def counted(y):
    return [int(sum(low <= value < low + 1 for value in y)) for low in range(4)]


def test_every_bin_with_rows_is_raised_to_the_fullest_and_empty_ones_stay_empty():
    z, y = rows()
    sampler = RandomByBin(bins=EDGES, random_state=0)
    new_z, new_y = sampler.fit_resample(z, y)
    assert counted(new_y) == [30, 30, 0, 30]
    assert new_z[: len(z)].tobytes() == z.tobytes()
    assert new_y[: len(y)].tobytes() == y.tobytes()
    assert sampler.n_real_ == len(y)
    assert sampler.report_ == [
        {"bin": "0 to 1", "real": 30, "made": 0},
        {"bin": "1 to 2", "real": 8, "made": 22},
        {"bin": "2 to 3", "real": 0, "made": 0},
        {"bin": "3 to 4", "real": 3, "made": 27},
    ]


def test_copies_are_rows_with_their_own_targets_bin_by_bin():
    z, y = rows()
    new_z, new_y = RandomByBin(bins=EDGES, random_state=0).fit_resample(z, y)
    real = {(row.tobytes(), float(value)) for row, value in zip(z, y, strict=True)}
    made = [(row.tobytes(), float(value)) for row, value in zip(new_z[len(z) :], new_y[len(y) :], strict=True)]
    assert set(made) <= real
    assert len(set(made)) == 8 + 3  # every row of the small bins is drawn sooner or later
    bins = [int(value) for _, value in made]
    assert bins == sorted(bins)


def test_a_share_raises_to_less_and_takes_nothing_away():
    z, y = rows()
    assert counted(RandomByBin(bins=EDGES, share=0.5, random_state=0).fit_resample(z, y)[1]) == [30, 15, 0, 15]
    assert counted(RandomByBin(bins=EDGES, share=0, random_state=0).fit_resample(z, y)[1]) == [30, 8, 0, 3]


def test_a_number_of_bins_divides_the_range_of_the_targets():
    y = np.array([2.0, 2.1, 2.2, 6.0])
    sampler = RandomByBin(bins=2, random_state=0)
    new = sampler.fit_resample(np.zeros((4, 1)), y)[1]
    assert [entry["bin"] for entry in sampler.report_] == ["2 to 4", "4 to 6"]
    np.testing.assert_array_equal(new, [2.0, 2.1, 2.2, 6.0, 6.0, 6.0])


def test_targets_beyond_the_edges_count_in_the_outer_bins():
    y = np.array([-5.0, 0.5, 0.7, 99.0])
    new = RandomByBin(bins=[0, 1, 2], random_state=0).fit_resample(np.zeros((4, 1)), y)[1]
    np.testing.assert_array_equal(new[4:], [99.0, 99.0])


def test_a_change_in_one_bin_leaves_the_draws_of_the_others():
    z, y = rows()
    more = y < 1  # moved within their bin
    other = np.where(more, y / 2, y).astype(np.float32)
    sampler = RandomByBin(bins=EDGES, random_state=3)
    first, second = sampler.fit_resample(z, y), sampler.fit_resample(z, other)
    assert first[0].tobytes() == second[0].tobytes()


def test_noise_has_the_deviations_of_the_bin_times_the_scales():
    z, y = rows((4000, 40, 0, 0), width=2)
    z[:, 1] *= 50
    sampler = GaussianByBin(bins=EDGES, scale=0.5, target_scale=0.2, random_state=0)
    new_z, new_y = sampler.fit_resample(z, y)
    copies = RandomByBin(bins=EDGES, random_state=0).fit_resample(z, y)  # the same rows without noise
    own_z, own_y = z[(y >= 1)].astype(np.float64), y[y >= 1].astype(np.float64)
    moved_z, moved_y = (new_z - copies[0])[len(z) :], (new_y - copies[1])[len(y) :]
    for d in range(2):
        mean = sum(own_z[:, d]) / len(own_z)
        deviation = (sum((value - mean) ** 2 for value in own_z[:, d]) / (len(own_z) - 1)) ** 0.5
        assert moved_z[:, d].std() == pytest.approx(0.5 * deviation, rel=0.05)
        assert abs(moved_z[:, d].mean()) < 0.05 * deviation
    deviation = (sum((own_y - own_y.mean()) ** 2) / (len(own_y) - 1)) ** 0.5
    assert moved_y.std() == pytest.approx(0.2 * deviation, rel=0.05)
    assert abs(np.corrcoef(moved_z.T)[0, 1]) < 0.06  # features are moved independently of each other


def test_no_noise_is_random_over_sampling_row_for_row():
    z, y = rows()
    still = GaussianByBin(bins=EDGES, scale=0, target_scale=0, random_state=4).fit_resample(z, y)
    copies = RandomByBin(bins=EDGES, random_state=4).fit_resample(z, y)
    assert still[0].tobytes() == copies[0].tobytes()
    assert still[1].tobytes() == copies[1].tobytes()


def test_a_constant_feature_gets_no_noise():
    z, y = rows()
    z[:, 1] = 7
    assert (GaussianByBin(bins=EDGES, random_state=0).fit_resample(z, y)[0][:, 1] == 7).all()


def test_a_bin_of_one_row_is_repeated_and_said_to_be():
    z, y = rows((5, 0, 0, 1))
    sampler = GaussianByBin(bins=EDGES, random_state=0)
    new_z, new_y = sampler.fit_resample(z, y)
    assert (new_z[6:] == z[y >= 3]).all()
    assert (new_y[6:] == y[y >= 3]).all()
    assert [entry["fallback"] for entry in sampler.report_] == [None, None, None, "copies"]


def test_one_row_of_known_edges_stays_alone():
    z, y = rows((1, 0, 0, 0))
    assert len(RandomByBin(bins=EDGES).fit_resample(z, y)[1]) == 1


@pytest.mark.parametrize(
    ("z", "y", "message"),
    [
        (np.zeros((3, 2)), np.zeros(4), r"shape \(3, 2\) with targets of shape \(4,\)"),
        (np.zeros(3), np.zeros(3), "give z"),
        (np.zeros((0, 2)), np.zeros(0), "N >= 1"),
        (np.zeros((3, 2)), np.arange(3), "y is of dtype int64"),
        (np.zeros((3, 2), np.float16), np.arange(3.0), "z is of dtype float16"),
        (np.full((3, 2), np.nan), np.arange(3.0), "z holds 6 values that are not finite"),
        (np.zeros((3, 2)), np.array([0.0, np.inf, 1.0]), "y holds 1 values that are not finite"),
    ],
)
def test_what_are_no_rows_with_numbers_is_refused(z, y, message):
    with pytest.raises(InputError, match=message):
        RandomByBin(bins=2).fit_resample(z, y)


def test_targets_that_are_all_the_same_are_refused_before_and_while_resampling():
    sampler = RandomByBin(bins=3)
    with pytest.raises(InputError, match="have no width"):
        sampler.check_targets([2.0, 2.0])
    with pytest.raises(InputError, match="have no width"):
        sampler.fit_resample(np.zeros((2, 1)), np.full(2, 2.0))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bins": None}, "resampler.bins=None"),
        ({"bins": 0}, "number of bins is 0"),
        ({"bins": [1, 1]}, r"resampler.bins=\[1, 1\]"),
        ({"bins": 3, "share": 1.5}, "resampler.share is 1.5"),
        ({"bins": 3, "scale": -1}, "resampler.scale is -1"),
        ({"bins": 3, "target_scale": float("nan")}, "resampler.target_scale is nan"),
    ],
)
def test_impossible_settings_are_refused_at_once(settings, message):
    with pytest.raises(InputError, match=message):
        GaussianByBin(**settings)
