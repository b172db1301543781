"""Quantiles of streams against those of all values at once."""

import numpy as np
import pytest
import torch
from helpers.runs import assert_refused

from lightning_imb.analysis.quantiles import StreamedQuantiles, upper_quantiles


def values(seed=0):
    """(40, 6, 50): small, large, negative, mixed, mostly zero, and of two values."""
    x = np.random.default_rng(seed).normal(size=(40, 6, 50)).astype(np.float32)
    x[:, 0] *= 1e-3
    x[:, 1] = 1e4 * abs(x[:, 1])
    x[:, 2] = -abs(x[:, 2])
    x[:, 4] = np.maximum(x[:, 4] - 1, 0)
    x[:, 5] = x[:, 5] > 1
    return torch.from_numpy(x)


@pytest.mark.parametrize("q", [0.0, 0.01, 0.5, 0.9, 0.99, 1.0])
def test_quantiles_are_those_of_numpy_to_24_bits(q):
    x = values()
    found = upper_quantiles(lambda: x.split(7), q).numpy()
    exact = np.quantile(x.swapaxes(0, 1).flatten(1).numpy(), q, axis=1, method="inverted_cdf")
    assert (found <= exact).all()
    assert (exact - found <= 2.0**-15 * abs(exact)).all()
    assert found[5] == exact[5]  # zeros and ones have no more bits


def test_blocks_and_their_order_do_not_matter():
    x = values()
    whole = upper_quantiles(lambda: [x], 0.97)
    assert torch.equal(upper_quantiles(lambda: x.split(3), 0.97), whole)
    assert torch.equal(upper_quantiles(lambda: x.flip(0).split(11), 0.97), whole)
    assert torch.equal(upper_quantiles(lambda: x.split(13, dim=2), 0.97), whole)


def test_at_least_the_wanted_share_reaches_the_quantile():
    x = values()
    reached = (x >= upper_quantiles(lambda: [x], 0.9).view(-1, 1)).float().mean(dim=(0, 2))
    assert (reached >= 0.1).all()
    assert (reached[:4] < 0.102).all()


def test_both_zeros_are_one():
    x = torch.tensor([[[-0.0, 0.0, -1.0, 0.0]]])
    assert upper_quantiles(lambda: [x], 0.5).tolist() == [0.0]


def test_what_has_no_quantile_is_refused():
    assert_refused(lambda: StreamedQuantiles(1.5), "1.5", "from 0 to 1")
    assert_refused(lambda: upper_quantiles(lambda: [], 0.5), "no values")
    for bad in (float("nan"), float("inf"), -float("inf")):
        x = torch.tensor([[[1.0, bad]]])
        assert_refused(lambda x=x: upper_quantiles(lambda: [x], 0.5), "finite")
