import numpy as np
import pytest
import torch

from lightning_imb.analysis.heat_maps import SCALING, heat_maps
from lightning_imb.utils.errors import InputError


def bilinear(small, size):
    """Pixel centres of the large map between those of the small one; outside of them the border goes on."""
    out = np.zeros(size)
    for i in range(size[0]):
        for j in range(size[1]):
            y = np.clip((i + 0.5) * small.shape[0] / size[0] - 0.5, 0, small.shape[0] - 1)
            x = np.clip((j + 0.5) * small.shape[1] / size[1] - 0.5, 0, small.shape[1] - 1)
            top, left = int(y), int(x)
            down, right = min(top + 1, small.shape[0] - 1), min(left + 1, small.shape[1] - 1)
            a, b = y - top, x - left
            out[i, j] = (1 - a) * ((1 - b) * small[top, left] + b * small[top, right]) + a * (
                (1 - b) * small[down, left] + b * small[down, right]
            )
    return out


@pytest.fixture
def raw():
    return torch.rand(3, 4, 5, generator=torch.Generator().manual_seed(0)) * 7 - 2


def scaled(values):
    return (values - values.min()) / (values.max() - values.min() + 1e-8)


def test_scaling_before_upsampling(raw):
    found = heat_maps(raw, (16, 10), "before_upsampling")
    expected = [bilinear(scaled(one.numpy()), (16, 10)) for one in raw]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found.dtype == np.float32
    assert found.max() < 1


def test_scaling_after_upsampling(raw):
    found = heat_maps(raw, (16, 10), "after_upsampling")
    np.testing.assert_allclose(found, [scaled(bilinear(one.numpy(), (16, 10))) for one in raw], atol=1e-6)
    np.testing.assert_allclose(found.max(axis=(1, 2)), 1, atol=1e-6)
    assert (found.min(axis=(1, 2)) == 0).all()


@pytest.mark.parametrize("scaling", SCALING)
def test_a_map_of_one_value_becomes_zero(scaling):
    assert not heat_maps(torch.full((2, 3, 3), 5.0), (6, 6), scaling).any()


@pytest.mark.parametrize("scaling", SCALING)
def test_a_map_of_the_right_size_is_only_scaled(raw, scaling):
    found = heat_maps(raw, (4, 5), scaling)
    np.testing.assert_allclose(found, [scaled(one.numpy()) for one in raw], atol=1e-6)


def test_close_values_do_not_tie():
    """In 8 bits they would, and the pointing game would have 100 brightest pixels."""
    values = torch.linspace(0.999, 1, 100).view(1, 10, 10)
    values[0, 0, 0] = 0
    assert len(np.unique(heat_maps(values, (10, 10), "before_upsampling"))) == 100


def test_unknown_scaling():
    with pytest.raises(InputError, match="before_upsampling"):
        heat_maps(torch.ones(1, 2, 2), (4, 4), "never")
