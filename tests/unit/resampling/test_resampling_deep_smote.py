import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from lightning_imb.resampling import DeepSMOTE
from lightning_imb.utils.errors import InputError

SMALL = {"channels": 1, "latent": 6, "width": 3, "epochs": 2, "device": "cpu", "random_state": 0}


def pictures(counts, features=16, dtype=np.float32):
    rng = np.random.default_rng(0)
    y = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    return np.round(255 * rng.random((len(y), features))).astype(dtype), y


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64])
def test_new_images_stand_below_the_given_ones(dtype):
    X, y = pictures([12, 3, 1, 5], dtype=dtype)
    before = X.copy()
    sampler = DeepSMOTE(**SMALL)
    result, labels = sampler.fit_resample(X, y)
    assert result[: len(X)].tobytes() == X.tobytes() == before.tobytes()
    assert result.dtype == dtype
    np.testing.assert_array_equal(labels, np.r_[y, np.repeat([1, 2, 3], [9, 11, 7])])
    assert result.min() >= X.min()
    assert result.max() <= X.max()
    assert [entry["generated"] for entry in sampler.report_] == [0, 9, 11, 7]
    assert [entry["fallback"] for entry in sampler.report_] == [None, None, "random", None]


def test_torchs_random_state_is_neither_used_nor_changed():
    X, y = pictures([9, 4])
    torch.manual_seed(3)
    state = torch.get_rng_state()
    one = DeepSMOTE(**SMALL).fit_resample(X, y)[0]
    assert torch.equal(state, torch.get_rng_state())
    torch.manual_seed(4)
    again = DeepSMOTE(**SMALL).fit_resample(X, y)[0]
    other = DeepSMOTE(**{**SMALL, "random_state": 1}).fit_resample(X, y)[0]
    assert one.tobytes() == again.tobytes() != other.tobytes()


def test_it_trains_where_gradients_are_off():
    X, y = pictures([9, 4])
    plain = DeepSMOTE(**SMALL).fit_resample(X, y)[0]
    with torch.inference_mode():
        assert DeepSMOTE(**SMALL).fit_resample(X, y)[0].tobytes() == plain.tobytes()


@pytest.mark.parametrize("option", [{"penalty": "released"}, {"penalty_weight": 0.0}, {"k_neighbors": 1}, {"lr": 0.1}])
def test_options_reach_the_result(option):
    X, y = pictures([9, 5])
    assert (
        DeepSMOTE(**SMALL).fit_resample(X, y)[0].tobytes()
        != DeepSMOTE(**SMALL | option).fit_resample(X, y)[0].tobytes()
    )


def test_scale_and_offset_of_the_pixels_do_not_matter():
    X, y = pictures([9, 4], dtype=np.float64)
    sampler = DeepSMOTE(**SMALL)
    plain, error = sampler.fit_resample(X, y)[0], sampler.reconstruction_error_
    scaled = sampler.fit_resample(X / 255 - 0.5, y)[0]
    np.testing.assert_allclose(scaled, plain / 255 - 0.5, atol=1e-5)
    assert sampler.reconstruction_error_ == pytest.approx(error / 255, rel=1e-3)


@pytest.mark.parametrize(
    ("features", "channels", "size", "shape"),
    [
        (64, 1, None, (1, 8, 8)),
        (192, 3, None, (3, 8, 8)),
        (12, 3, 2, (3, 2, 2)),
        (30, 3, [2, 5], (3, 2, 5)),
        (30, 3, (5, 2), (3, 5, 2)),
    ],
)
def test_shape_of_the_images(features, channels, size, shape):
    assert DeepSMOTE(channels=channels, image_size=size)._shape(features) == shape


@pytest.mark.parametrize(("features", "channels", "size"), [(63, 1, None), (64, 3, None), (64, 1, 7), (30, 3, [2, 4])])
def test_rows_of_another_shape_are_refused(features, channels, size):
    with pytest.raises(InputError, match=rf"do not make rows of {features} pixels; give"):
        DeepSMOTE(**SMALL | {"channels": channels, "image_size": size}).fit_resample(*pictures([5, 3], features))


@pytest.mark.parametrize("size", [0, [8], [8, 8, 8], [8, -1], [8, 2.5]])
def test_impossible_sizes_are_refused_before_any_image_is_seen(size):
    with pytest.raises(ValueError, match="image_size"):
        DeepSMOTE(image_size=size)._validate_params()


@pytest.mark.parametrize("wrong", [{"batch_size": 1}, {"penalty": "none"}, {"epochs": 0}, {"lr": 0.0}, {"channels": 0}])
def test_wrong_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DeepSMOTE(**wrong)._validate_params()


def test_balanced_images_are_returned_untrained():
    X, y = pictures([5, 5])
    sampler = DeepSMOTE(**SMALL)
    result, labels = sampler.fit_resample(X, y)
    np.testing.assert_array_equal(result, X)
    np.testing.assert_array_equal(labels, y)
    assert not np.shares_memory(result, X)
    assert sampler.report_ == []


def test_equal_pixels_come_back():
    X, y = np.full((8, 16), 7.0, np.float32), np.repeat([0, 1], [6, 2])
    np.testing.assert_array_equal(DeepSMOTE(**SMALL).fit_resample(X, y)[0], np.full((12, 16), 7.0))


def test_decoded_digits_are_taken_for_their_class():
    """A classifier that knows the digits from others than these recognises the new ones."""
    X, y = load_digits(return_X_y=True)
    judge = LogisticRegression(max_iter=300).fit(X[900:], y[900:])
    counts = [90, 60, 40, 30]
    rows = np.concatenate([np.flatnonzero(y[:900] == c)[:n] for c, n in enumerate(counts)])
    sampler = DeepSMOTE(**SMALL | {"latent": 32, "width": 16, "epochs": 30, "lr": 3e-3})
    result, labels = sampler.fit_resample(X[rows], y[rows])
    new = slice(len(rows), None)
    assert judge.score(result[new], labels[new]) > 0.75  # chance is 0.1; blurred by so short a training
    assert sampler.reconstruction_error_ < X[rows].std(axis=0).mean()
