"""The windows of LDS and FDS: their numbers, and what they do to values per bin."""

import math

import numpy as np
import pytest

from lightning_imb.losses.regression.kernels import KERNELS, smooth, smoothing_kernel
from lightning_imb.utils.errors import InputError


def convolved(values, kernel, pad):
    """Written out: each bin is the weighted sum of its neighbours; outside there is 0, or the mirror."""
    half, last = len(kernel) // 2, len(values) - 1
    out = []
    for b in range(len(values)):
        total = 0.0
        for offset in range(-half, half + 1):
            other = b + offset
            if pad == "reflect":
                other = abs(other)
                other = 2 * last - other if other > last else other
            total += kernel[offset + half] * (values[other] if 0 <= other <= last else 0.0)
        out.append(total)
    return out


@pytest.mark.parametrize(
    ("kernel", "impl", "expected"),
    [
        ("gaussian", "official", [0.858, 0.946, 1, 0.946, 0.858]),
        ("gaussian", "plain", [0.607, 0.882, 1, 0.882, 0.607]),
        ("triang", "plain", [1 / 3, 2 / 3, 1, 2 / 3, 1 / 3]),
        ("laplace", "plain", [math.exp(-1), math.exp(-0.5), 1, math.exp(-0.5), math.exp(-1)]),
        ("none", "plain", [0, 0, 1, 0, 0]),
    ],
)
def test_windows_of_five_bins_and_width_two(kernel, impl, expected):
    assert smoothing_kernel(kernel, 5, 2.0, impl) == pytest.approx(expected, abs=5e-4)


def test_share_of_each_bin_in_the_released_gaussian():
    window = smoothing_kernel("gaussian", 5, 2.0, "official")
    assert window / window.sum() == pytest.approx([0.186, 0.205, 0.217, 0.205, 0.186], abs=5e-4)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("size", [1, 3, 9])
def test_a_window_is_symmetric_and_peaks_in_its_middle(kernel, size):
    window = smoothing_kernel(kernel, size, 1.5, "official")
    assert window.shape == (size,)
    assert window == pytest.approx(window[::-1])
    assert window[size // 2] == window.max() == 1


@pytest.mark.parametrize("pad", ["zero", "reflect"])
def test_smoothing_is_a_weighted_sum_of_neighbours(pad):
    values = np.random.default_rng(0).uniform(size=9)
    window = smoothing_kernel("laplace", 5, 2.0, "plain")
    assert smooth(values, window, pad) == pytest.approx(convolved(values, window, pad))


def test_ends_without_a_mirror_come_out_too_low():
    window = smoothing_kernel("gaussian", 5, 2.0, "official")
    low = smooth([1.0] * 9, window, "zero")
    assert low.max() / low == pytest.approx([1.643, 1.229, 1, 1, 1, 1, 1, 1.229, 1.643], abs=5e-4)
    assert smooth([1.0] * 9, window, "reflect") == pytest.approx([window.sum()] * 9)


@pytest.mark.parametrize("bins", [1, 2])
def test_fewer_bins_than_half_the_window_are_no_error(bins):
    window = smoothing_kernel("gaussian", 9, 2.0, "plain")
    assert smooth([3.0] * bins, window, "reflect") == pytest.approx([3 * window.sum()] * bins)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kernel": "box"}, "kernel is 'box'"),
        ({"size": 4}, "size is 4"),
        ({"size": 0}, "size is 0"),
        ({"size": 5.0}, "size is 5.0"),
        ({"sigma": 0}, "sigma is 0"),
        ({"impl": "other"}, "kernel_impl is 'other'"),
    ],
)
def test_unusable_options_are_errors(change, message):
    with pytest.raises(InputError, match=message):
        smoothing_kernel(**({"kernel": "gaussian", "size": 5, "sigma": 2.0, "impl": "plain"} | change))


def test_another_padding_is_an_error():
    with pytest.raises(InputError, match="pad is 'wrap'"):
        smooth([1.0], np.ones(1), "wrap")
