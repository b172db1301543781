"""Weights of target bins: inverse frequency, its root, and a smoothed density."""

import math
from pathlib import Path

import numpy as np
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

import lightning_imb.conf
from lightning_imb.losses.regression import TargetWeights, smoothing_kernel
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.target_bins import TargetSample, equal_bins

OPTIONS = {
    "base": "inverse",
    "clip": None,
    "kernel": "none",
    "size": 5,
    "sigma": 2.0,
    "kernel_impl": "official",
    "pad": "zero",
    "bins": None,
}


def scheme(**changes):
    return TargetWeights(**(OPTIONS | changes))


def sample(counts):
    """Targets in the middles of bins of width 1, from 0 on."""
    return TargetSample(np.repeat(np.arange(len(counts)) + 0.5, counts), equal_bins(0, len(counts), len(counts)))


def weights(counts, **changes):
    return scheme(**changes).weights(sample(counts)).weight


def rescaled(counts, raw):
    mean = sum(n * w for n, w in zip(counts, raw, strict=True)) / sum(counts)
    return [w / mean for w in raw]


@pytest.mark.parametrize(
    ("base", "raw"),
    [
        ("none", [1, 1, 1]),
        ("inverse", [1 / 50, 1 / 9, 1 / 2]),
        ("inverse_sqrt", [1 / math.sqrt(50), 1 / 3, 1 / math.sqrt(2)]),
    ],
)
def test_weights_without_a_kernel(base, raw):
    assert weights([50, 9, 2], base=base) == pytest.approx(rescaled([50, 9, 2], raw))


@pytest.mark.parametrize(("base", "power"), [("inverse", 1.0), ("inverse_sqrt", 0.5)])
def test_smoothing_convolves_the_base_values_before_the_inverse(base, power):
    counts = [40, 100, 7, 1, 3, 60, 2]
    window = smoothing_kernel("gaussian", 5, 2.0, "official")
    raw = []
    for b in range(len(counts)):
        near = [c for c in range(len(counts)) if abs(c - b) <= 2]
        raw.append(1 / sum(window[c - b + 2] * counts[c] ** power for c in near))
    assert weights(counts, base=base, kernel="gaussian") == pytest.approx(rescaled(counts, raw))


@pytest.mark.parametrize("base", ["inverse", "inverse_sqrt"])
def test_equal_counts_weigh_alike_where_the_ends_mirror(base):
    assert weights([7] * 9, base=base, kernel="gaussian", pad="reflect") == pytest.approx([1] * 9)


def test_zero_padding_lifts_the_outer_bins_of_equal_counts():
    lifted = weights([7] * 9, kernel="gaussian")
    assert lifted / lifted[4] == pytest.approx([1.643, 1.229, 1, 1, 1, 1, 1, 1.229, 1.643], abs=5e-4)


@pytest.mark.parametrize("kernel", ["none", "gaussian", "triang", "laplace"])
@pytest.mark.parametrize("base", ["inverse", "inverse_sqrt"])
def test_mean_over_the_training_samples_is_one(base, kernel):
    targets = sample([300, 0, 1, 25, 0, 0, 0, 8])
    bins, weight = scheme(base=base, kernel=kernel).weights(targets)
    assert weight[bins.of(targets.values)].mean() == pytest.approx(1)
    assert np.isfinite(weight).all()
    assert (weight > 0).all()


def test_a_bin_without_samples_has_the_largest_weight_of_the_others():
    weight = weights([20, 0, 2, 5])
    assert weight[1] == weight[2] == weight.max()


def test_a_bin_without_samples_has_the_weight_of_its_smoothed_density():
    counts = [20, 0, 2, 5]
    window = smoothing_kernel("triang", 3, 2.0, "plain")
    raw = [1 / (20 + window[0] * 0), 1 / (window[0] * 22), 1 / (2 + window[0] * 5), 1 / (5 + window[0] * 2)]
    assert weights(counts, kernel="triang", size=3) == pytest.approx(rescaled(counts, raw))


def test_a_bin_that_no_kernel_reaches_has_the_largest_weight_of_bins_with_samples():
    weight = weights([20, 5, 0, 0, 0, 0, 0, 0, 3], kernel="triang", size=3)
    assert weight[4] == pytest.approx(weight[[0, 1, 8]].max())


def test_clipping_limits_the_counts():
    assert weights([5000, 1000, 50, 5, 1], clip=[5, 1000]) == pytest.approx(
        rescaled([5000, 1000, 50, 5, 1], [1 / 1000, 1 / 1000, 1 / 50, 1 / 5, 1 / 5])
    )
    assert weights([5000, 1000, 2000], clip=[5, 1000]) == pytest.approx([1, 1, 1])


@pytest.mark.parametrize("name", ["inverse", "lds_inverse"])
def test_the_inverse_is_clipped_as_released_unless_told(name):
    config = OmegaConf.load(Path(str(lightning_imb.conf.__file__)).parent / "target_weights" / f"{name}.yaml")
    counts = [5000, 1000, 50, 5, 1]
    as_it_is, free = (
        instantiate(config, bins=None, kernel="none", **change, _convert_="all").weights(sample(counts)).weight
        for change in ({}, {"clip": None})
    )
    assert as_it_is == pytest.approx(rescaled(counts, [1 / 1000, 1 / 1000, 1 / 50, 1 / 5, 1 / 5]))
    assert free == pytest.approx(rescaled(counts, [1 / n for n in counts]))


def test_clipping_comes_before_the_root():
    assert weights([5000, 1], base="inverse_sqrt", clip=[4, 900]) == pytest.approx(rescaled([5000, 1], [1 / 30, 1 / 2]))


def test_bins_of_its_own_span_those_of_the_data_set():
    targets = TargetSample(np.array([1.1, 1.2, 1.6, 4.0]), equal_bins(1, 10, 9))
    bins, weight = scheme(bins=18).weights(targets)
    assert bins.edges == pytest.approx(np.arange(1, 10.25, 0.5))
    assert weight[bins.of(targets.values)] == pytest.approx(rescaled([2, 1, 1], [0.5, 1, 1])[:1] * 2 + [4 / 3] * 2)


def test_one_sample_weighs_one():
    assert weights([0, 1, 0], kernel="gaussian")[1] == pytest.approx(1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"base": "square"}, "base is 'square'"),
        ({"clip": [5]}, r"clip is \[5\]"),
        ({"clip": 5}, "clip is 5"),
        ({"clip": [-1, 5]}, "first number of clip is -1"),
        ({"clip": [5, 2]}, "second number of clip is 2"),
        ({"clip": [0, 0]}, "second number of clip is 0"),
        ({"kernel": "box"}, "kernel is 'box'"),
        ({"pad": "wrap"}, "pad is 'wrap'"),
        ({"bins": 0}, "number of bins is 0"),
        ({"bins": 2.5}, "number of bins is 2.5"),
    ],
)
def test_unusable_options_are_errors(change, message):
    with pytest.raises(InputError, match=message):
        scheme(**change)
