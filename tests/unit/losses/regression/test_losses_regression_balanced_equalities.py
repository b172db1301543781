"""What the forms of Balanced MSE owe to each other, to the squared error and to their derivation."""

import math

import numpy as np
import pytest
import torch

from lightning_imb.losses.regression import BMCLoss, BNILoss, GAILoss
from lightning_imb.utils.target_bins import TargetSample, equal_bins

MEAN, SPREAD = 5.5, 1.2
S = 0.6
FIXED = {"noise": S, "noise_unit": "target", "learn_noise": False}


def normal_targets(size):
    return MEAN + SPREAD * torch.randn(size, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def sample_of(target, low=-2.0, high=13.0):
    return TargetSample(target.numpy(), equal_bins(low, high, 150))


def gradient(loss, predictions, target):
    predictions = predictions.clone().requires_grad_()
    (value,) = torch.autograd.grad(loss.per_sample(predictions, target).sum(), predictions)
    return value


@pytest.mark.parametrize("y", [3.0, 5.5, 8.0])
def test_minimum_is_pushed_outward_by_the_noise_over_the_variance(y):
    target = normal_targets(4000)
    loss = GAILoss(sample_of(target), components=1, **FIXED)
    mean, variance = target.mean().item(), target.var(correction=0).item()
    lowest = y + S**2 / variance * (y - mean)
    place = torch.tensor([lowest], dtype=torch.float64)
    assert gradient(loss, place, torch.tensor([y], dtype=torch.float64)).item() == pytest.approx(0, abs=1e-5)
    grid = torch.linspace(0, 12, 12001, dtype=torch.float64)
    assert grid[loss.per_sample(grid, torch.full_like(grid, y)).argmin()].item() == pytest.approx(lowest, abs=2e-3)


def test_vast_variance_leaves_the_gradient_of_the_squared_error():
    predictions, target = torch.linspace(-3, 14, 18, dtype=torch.float64), torch.linspace(1, 10, 18).double()
    spread_out = TargetSample(1e4 * np.random.default_rng(0).normal(size=100), equal_bins(-5e4, 5e4, 9))
    loss = GAILoss(spread_out, components=1, **FIXED)
    assert gradient(loss, predictions, target).tolist() == pytest.approx(
        (2 * (predictions - target)).tolist(), abs=1e-4
    )


@pytest.mark.parametrize("s", [0.6, 0.06, 0.006])
def test_equal_bins_far_around_leave_the_gradient_of_the_squared_error(s):
    """The bins are 0.1 wide: their width does not matter."""
    grid = TargetSample(np.arange(-9.95, 20, 0.1), equal_bins(-10, 20, 300))
    loss = BNILoss(grid, bins=None, **(FIXED | {"noise": s}))
    predictions, target = torch.linspace(0, 11, 18, dtype=torch.float64), torch.linspace(1, 10, 18).double()
    assert gradient(loss, predictions, target).tolist() == pytest.approx(
        (2 * (predictions - target)).tolist(), abs=5e-3
    )


def test_bmc_is_invariant_to_a_common_shift():
    target = normal_targets(30)
    predictions = target.flip(0)
    loss = BMCLoss(sample_of(target), **FIXED)
    assert loss(predictions + 100, target + 100).item() == pytest.approx(loss(predictions, target).item(), rel=1e-9)


def test_bmc_of_one_sample_is_zero_without_a_gradient():
    loss = BMCLoss(sample_of(normal_targets(9)), **FIXED)
    one = torch.tensor([3.0], requires_grad=True)
    value = loss(one, torch.tensor([4.0]))
    value.backward()
    assert value.item() == one.grad.item() == 0
    assert loss.min_batch == 2


@pytest.mark.parametrize("form", ["gai", "bni"])
def test_a_large_batch_stands_for_the_density(form):
    """BMC sums where the others take means: they differ by ln N."""
    target = normal_targets(1500)
    predictions = target + 0.4
    sample = sample_of(target)
    density = GAILoss(sample, components=1, **FIXED) if form == "gai" else BNILoss(sample, bins=None, **FIXED)
    batch = BMCLoss(sample, **FIXED)
    shift = 2 * S**2 * math.log(len(target))
    assert batch(predictions, target).item() - shift == pytest.approx(density(predictions, target).item(), abs=0.03)
    inner = (target - MEAN).abs() < 1.5  # in its tails a sample is no density
    both = [gradient(loss, predictions, target)[inner] for loss in (batch, density)]
    assert torch.allclose(*both, atol=0.1)


@pytest.mark.parametrize("make", [BMCLoss, GAILoss, BNILoss])
def test_learning_moves_the_noise_to_that_of_the_labels(make):
    """Targets are normal, and predictions are what uniform targets would make of inputs with the noise 0.6."""
    target = normal_targets(1500)
    predictions = target + S * torch.randn(1500, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    slopes = {}
    for noise in (0.4, 0.9):
        loss = make(sample_of(target), noise=noise, noise_unit="target")
        loss(predictions, target).backward()
        slopes[noise] = loss.noise_parameters()[0].grad.item()
    assert slopes[0.4] < 0 < slopes[0.9]


@pytest.mark.parametrize("make", [BMCLoss, GAILoss, BNILoss])
def test_the_factor_is_a_constant_of_the_gradient(make):
    target = normal_targets(40)
    loss = make(sample_of(target), noise=S, noise_unit="target")
    predictions = target.flip(0)
    loss(predictions, target).backward()
    variance = loss.noise.variance()
    inner = 2 * variance.item() * loss.balanced(predictions, target, variance.double()).mean()
    (expected,) = torch.autograd.grad(inner, loss.noise.log_noise)
    assert loss.noise.log_noise.grad.item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("make", [BMCLoss, GAILoss, BNILoss])
@pytest.mark.parametrize("s", [1e-3, 1e3])
def test_extreme_noise_and_predictions_stay_finite(make, s):
    target = normal_targets(20).float()
    loss = make(sample_of(normal_targets(500)), noise=s, noise_unit="target")
    predictions = torch.cat([target[:10], torch.linspace(-1e4, 1e4, 10)]).requires_grad_()
    loss(predictions, target).backward()
    assert torch.isfinite(predictions.grad).all()
    assert torch.isfinite(loss.noise.log_noise.grad)
