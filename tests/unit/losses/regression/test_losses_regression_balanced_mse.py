"""The three forms of Balanced MSE, written out, and what their options do."""

import math

import numpy as np
import pytest
import torch

from lightning_imb.losses.regression import BMCLoss, BNILoss, GAILoss
from lightning_imb.losses.regression.gai import fit_mixture
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.target_bins import TargetSample, equal_bins

VALUES = np.random.default_rng(0).normal(5.5, 1.0, 500)
TARGETS = TargetSample(VALUES, equal_bins(1, 10, 9))
S = 0.7
FIXED = {"noise": S, "noise_unit": "target", "learn_noise": False}
FORMS = [BMCLoss, GAILoss, BNILoss]


def batch(size=12):
    generator = torch.Generator().manual_seed(1)
    target = 5.5 + torch.randn(size, generator=generator, dtype=torch.float64)
    return target + torch.randn(size, generator=generator, dtype=torch.float64), target


def normal(x, mean, variance):
    return math.exp(-((x - mean) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)


def written_out(prior):
    """``2 s^2 (-ln N(y; yhat, s^2) + ln prior(yhat))`` of the batch."""
    pairs = zip(*(tensor.tolist() for tensor in batch()), strict=True)
    return [2 * S**2 * (-math.log(normal(y, yhat, S**2)) + math.log(prior(yhat))) for yhat, y in pairs]


def test_bmc_sums_over_the_targets_of_the_batch():
    _, target = batch()
    expected = written_out(lambda yhat: sum(normal(y, yhat, S**2) for y in target.tolist()))
    assert BMCLoss(TARGETS, **FIXED).per_sample(*batch()).tolist() == pytest.approx(expected, rel=1e-5)


def test_bmc_is_cross_entropy_over_the_batch():
    predictions, target = batch()
    logits = -(predictions[:, None] - target[None, :]).square() / (2 * S**2)
    expected = 2 * S**2 * torch.nn.functional.cross_entropy(logits, torch.arange(len(target)))
    assert BMCLoss(TARGETS, **FIXED)(predictions, target).item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("components", [1, 3])
def test_gai_integrates_a_mixture_in_closed_form(components):
    mixture = list(zip(*fit_mixture(VALUES, components, 0), strict=True))
    expected = written_out(lambda yhat: sum(phi * normal(yhat, mu, v + S**2) for phi, mu, v in mixture))
    # the terms of pi are left out, and cancel
    loss = GAILoss(TARGETS, components=components, **FIXED)
    assert loss.per_sample(*batch()).tolist() == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_one_component_is_the_mean_and_the_variance():
    mixture = fit_mixture(VALUES, 1, 0)
    assert mixture.share == pytest.approx([1])
    assert mixture.mean == pytest.approx([VALUES.mean()], rel=1e-12)
    assert mixture.variance == pytest.approx([VALUES.var()], rel=1e-12)


def test_two_components_find_two_clusters_of_any_scale():
    clusters = 1e4 * np.concatenate([VALUES - 5.5, VALUES + 30])
    mixture = fit_mixture(clusters, 2, 0)
    assert sorted(mixture.mean) == pytest.approx([1e4 * (VALUES.mean() - 5.5), 1e4 * (VALUES.mean() + 30)], rel=1e-3)
    assert mixture.variance == pytest.approx([1e8 * VALUES.var()] * 2, rel=1e-2)


@pytest.mark.parametrize("form", FORMS)
def test_noise_is_in_units_of_the_standard_deviation_unless_told(form):
    loss = form(TARGETS, noise=0.5)
    assert loss.noise.variance().item() == pytest.approx(0.25 * VALUES.var())
    assert form(TARGETS, noise=0.5, noise_unit="target").noise.variance().item() == pytest.approx(0.25)


@pytest.mark.parametrize("form", FORMS)
def test_learnt_noise_is_a_parameter_with_a_rate_of_its_own(form):
    loss = form(TARGETS, noise_lr_factor=3.0)
    assert [id(p) for p in loss.noise_parameters()] == [id(p) for p in loss.parameters()]
    assert len(loss.noise_parameters()) == 1
    assert loss.noise_lr_factor == 3.0
    assert form(TARGETS, learn_noise=False).noise_parameters() == []


@pytest.mark.parametrize("form", [GAILoss, BNILoss])
def test_the_prior_follows_the_targets_and_the_noise_stays(form):
    loss = form(TARGETS, noise=S, noise_unit="target")
    other = TargetSample(np.random.default_rng(1).uniform(1, 10, 500), TARGETS.bins)
    before = loss(*batch())
    loss.learn_targets(other)
    assert torch.equal(loss(*batch()), form(other, noise=S, noise_unit="target")(*batch()))
    assert loss(*batch()) != before
    assert loss.noise.variance().item() == pytest.approx(S**2)


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (BMCLoss, {"noise": 0}, "noise is 0"),
        (BMCLoss, {"noise_unit": "years"}, "noise_unit is 'years'"),
        (BMCLoss, {"learn_noise": "no"}, "learn_noise is 'no'"),
        (BMCLoss, {"noise_lr_factor": 0}, "noise_lr_factor is 0"),
        (GAILoss, {"components": 0}, "components is 0"),
        (GAILoss, {"components": 2.0}, "components is 2.0"),
        (GAILoss, {"components": 501}, "500 different values"),
        (BNILoss, {"bins": 0}, "number of bins is 0"),
        (BNILoss, {"form": "sum"}, "form is 'sum'"),
        (BNILoss, {"kernel": "box"}, "kernel is 'box'"),
        (BNILoss, {"pad": "wrap"}, "pad is 'wrap'"),
    ],
)
def test_unusable_options_are_errors(make, options, message):
    with pytest.raises(InputError, match=message):
        make(TARGETS, **options)


@pytest.mark.parametrize("form", FORMS)
def test_targets_of_one_value_have_no_standard_deviation(form):
    with pytest.raises(InputError, match="all 3 training targets are 4"):
        form(TargetSample(np.full(3, 4.0), TARGETS.bins))
