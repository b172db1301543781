"""Balanced MSE under a histogram: the exact integral, the sum over middles, and where the loss is least."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad

from lightning_imb.losses.regression import BNILoss
from lightning_imb.utils.target_bins import TargetBins, TargetSample, equal_bins

VALUES = np.random.default_rng(0).normal(5.5, 1.0, 500)
TARGETS = TargetSample(VALUES, equal_bins(1, 10, 9))
UNIFORM = TargetSample(1 + 9 * (np.arange(9000) + 0.5) / 9000, equal_bins(1, 10, 9))
S = 0.7
FIXED = {"noise": S, "noise_unit": "target", "learn_noise": False}


def normal(x, mean, s=S):
    return math.exp(-(((x - mean) / s) ** 2) / 2) / (math.sqrt(2 * math.pi) * s)


def batch(size=12):
    generator = torch.Generator().manual_seed(1)
    target = 5.5 + torch.randn(size, generator=generator, dtype=torch.float64)
    return target + torch.randn(size, generator=generator, dtype=torch.float64), target


def written_out(prior):
    """``2 s^2 (-ln N(y; yhat, s^2) + ln prior(yhat))`` of the batch."""
    pairs = zip(*(tensor.tolist() for tensor in batch()), strict=True)
    return [2 * S**2 * (-math.log(normal(y, yhat)) + math.log(prior(yhat))) for yhat, y in pairs]


def by_quadrature(edges, shares):
    def prior(yhat):
        bins = zip(edges, edges[1:], shares, strict=False)
        return sum(w / (high - low) * quad(normal, low, high, args=(yhat,))[0] for low, high, w in bins if w)

    return prior


def shares_of(counts):
    return [n / sum(counts) for n in counts]


@pytest.mark.parametrize("bins", [None, 20])
def test_integral_of_a_density_that_is_constant_in_each_bin(bins):
    edges = np.linspace(1, 10, (bins or 9) + 1)
    counts = np.histogram(VALUES, edges)[0]
    assert 0 in counts
    loss = BNILoss(TARGETS, bins=bins, **FIXED)
    expected = written_out(by_quadrature(edges, shares_of(counts)))
    assert loss.per_sample(*batch()).tolist() == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_bins_of_different_widths():
    edges = (1.0, 4.0, 5.0, 5.2, 10.0)
    loss = BNILoss(TargetSample(VALUES, TargetBins(edges)), bins=None, **FIXED)
    expected = written_out(by_quadrature(edges, shares_of(np.histogram(VALUES, edges)[0])))
    assert loss.per_sample(*batch()).tolist() == pytest.approx(expected, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("bins", [None, 20])
def test_centres_are_summed_as_in_the_paper(bins):
    edges = np.linspace(1, 10, (bins or 9) + 1)
    shares = shares_of(np.histogram(VALUES, edges)[0])
    loss = BNILoss(TARGETS, bins=bins, form="centres", **FIXED)
    expected = written_out(
        lambda yhat: sum(w * normal((edges[b] + edges[b + 1]) / 2, yhat) for b, w in enumerate(shares))
    )
    assert loss.per_sample(*batch()).tolist() == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_smoothed_histogram():
    edges = np.linspace(1, 10, 10)
    counts = [0, *np.histogram(VALUES, edges)[0], 0]
    smoothed = [0.5 * counts[b - 1] + counts[b] + 0.5 * counts[b + 1] for b in range(1, 10)]
    loss = BNILoss(TARGETS, bins=None, kernel="triang", size=3, pad="zero", **FIXED)
    expected = written_out(by_quadrature(edges, shares_of(smoothed)))
    assert loss.per_sample(*batch()).tolist() == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_forms_agree_where_bins_are_far_narrower_than_the_noise():
    both = [BNILoss(TARGETS, bins=400, form=form, **FIXED)(*batch()).item() for form in ("integral", "centres")]
    assert both[0] == pytest.approx(both[1], abs=1e-3)


def least_of_uniform(y, s):
    """The prediction under which 9000 places that fill [1, 10] evenly have the mean y, by bisection."""
    low, high = -20.0, 30.0
    while high - low > 1e-5:
        yhat = (low + high) / 2
        squares = (UNIFORM.values - yhat) ** 2
        mean = np.average(UNIFORM.values, weights=np.exp((squares.min() - squares) / (2 * s**2)))
        low, high = (yhat, high) if mean < y else (low, yhat)
    return low


@pytest.mark.parametrize("bins", [None, 100])
@pytest.mark.parametrize("s", [0.05, 0.52])
@pytest.mark.parametrize("y", [1.1, 3.2, 5.5, 8.97, 9.6, 9.97])
def test_least_where_the_integral_has_it_inside_and_in_the_outer_bins(y, s, bins):
    loss = BNILoss(UNIFORM, bins=bins, **(FIXED | {"noise": s}))
    grid = torch.linspace(-10, 22, 3201, dtype=torch.float64)
    place = grid[loss.per_sample(grid, torch.full_like(grid, y)).argmin()].item()
    assert place == pytest.approx(least_of_uniform(y, s), abs=0.011)
    if 1 + 3 * s < y < 10 - 3 * s:
        assert place == pytest.approx(y, abs=0.011)


def test_centres_drive_targets_beyond_the_outermost_away():
    predictions = torch.tensor([20.0, 200.0], dtype=torch.float64, requires_grad=True)
    for form, outward in (("integral", False), ("centres", True)):
        loss = BNILoss(UNIFORM, bins=None, form=form, **FIXED)
        value = loss.per_sample(predictions, torch.full_like(predictions, 9.7)).sum()
        (slope,) = torch.autograd.grad(value, predictions)
        assert ((slope < 0).tolist()) == [outward] * 2


def test_outermost_bins_reach_as_far_as_the_targets():
    beyond = TargetSample(np.array([-3.0, 1.5, 2.5, 14.0]), equal_bins(1, 3, 2))
    loss = BNILoss(beyond, bins=None, **FIXED)
    expected = written_out(by_quadrature([-3.0, 2.0, 14.0], [0.5, 0.5]))
    assert loss.per_sample(*batch()).tolist() == pytest.approx(expected, rel=1e-4, abs=1e-5)
