"""Losses of single errors, written out."""

import math

import numpy as np
import pytest
import torch

from lightning_imb.losses.regression import FocalRLoss, HuberLoss, L1Loss, MSELoss
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.target_bins import TargetSample, equal_bins

TARGETS = TargetSample(np.array([1.0, 2.0, 9.0]), equal_bins(0, 10, 2))
STD = math.sqrt(((1 - 4) ** 2 + (2 - 4) ** 2 + (9 - 4) ** 2) / 3)
ERRORS = [-30.0, -2.0, -0.5, 0.0, 1e-3, 0.7, 4.0, 100.0]


def of_errors(loss):
    target = torch.linspace(-3, 5, len(ERRORS), dtype=torch.float64)
    return loss.per_sample(target + torch.tensor(ERRORS, dtype=torch.float64), target).tolist()


def huber(e, delta):
    return e * e / 2 if abs(e) <= delta else delta * (abs(e) - delta / 2)


def focal(e, error, beta, gamma):
    size = abs(e) if error == "l1" else e * e
    return size * (2 / (1 + math.exp(-beta * abs(e))) - 1) ** gamma


def test_squared_and_absolute_errors():
    assert of_errors(MSELoss(TARGETS)) == pytest.approx([e * e for e in ERRORS])
    assert of_errors(L1Loss(TARGETS)) == pytest.approx([abs(e) for e in ERRORS])


@pytest.mark.parametrize("delta", [0.5, 1.0, 10.0])
def test_huber(delta):
    assert of_errors(HuberLoss(TARGETS, delta=delta)) == pytest.approx([huber(e, delta) for e in ERRORS])


@pytest.mark.parametrize("error", ["l1", "mse"])
@pytest.mark.parametrize(("beta", "gamma"), [(0.2, 1.0), (1.0, 2.0), (0.2, 0.5), (0.2, 0.0)])
def test_focal_r(error, beta, gamma):
    loss = FocalRLoss(TARGETS, error=error, beta=beta, gamma=gamma)
    assert of_errors(loss) == pytest.approx([focal(e, error, beta, gamma) for e in ERRORS], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("error", "plain"), [("l1", L1Loss), ("mse", MSELoss)])
def test_focal_r_without_a_factor_is_the_plain_error(error, plain):
    assert of_errors(FocalRLoss(TARGETS, error=error, gamma=0)) == of_errors(plain(TARGETS))


def test_numbers_in_standard_deviations_of_the_training_targets():
    expected = [huber(e, 0.5 * STD) for e in ERRORS]
    assert of_errors(HuberLoss(TARGETS, delta=0.5, unit="std")) == pytest.approx(expected)
    expected = [focal(e, "l1", 0.7 / STD, 1.0) for e in ERRORS]
    assert of_errors(FocalRLoss(TARGETS, beta=0.7, unit="std")) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("make", "power"), [(HuberLoss, 2), (FocalRLoss, 1)])
def test_only_standard_deviations_mean_the_same_on_any_scale(make, power):
    large = TargetSample(1000 * TARGETS.values, equal_bins(0, 1e4, 2))
    predictions, target = torch.tensor([3.0, -1.0, 8.0]), torch.tensor([2.0, 5.0, 7.5])
    for unit, same in (("std", True), ("target", False)):
        small = make(TARGETS, unit=unit)(predictions, target).item()
        scaled = make(large, unit=unit)(1000 * predictions, 1000 * target).item() / 1000**power
        assert (scaled == pytest.approx(small, rel=1e-4)) is same


@pytest.mark.parametrize("make", [HuberLoss, FocalRLoss])
def test_the_unit_stays_when_other_targets_are_learnt(make):
    loss = make(TARGETS, unit="std")
    before = of_errors(loss)
    loss.learn_targets(TargetSample(np.array([1.0, 1.1]), TARGETS.bins))
    assert of_errors(loss) == before


@pytest.mark.parametrize("make", [HuberLoss, FocalRLoss])
def test_targets_of_one_value_are_a_unit_only_by_themselves(make):
    alike = TargetSample(np.full(3, 4.0), TARGETS.bins)
    assert of_errors(make(alike)) == of_errors(make(TARGETS))
    with pytest.raises(InputError, match=r"all 3 training targets are 4.*or unit=target"):
        make(alike, unit="std")


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0])
def test_no_error_has_a_finite_gradient(gamma):
    predictions = torch.ones(2, requires_grad=True)
    FocalRLoss(TARGETS, gamma=gamma)(predictions, torch.ones(2)).backward()
    assert predictions.grad.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (HuberLoss, {"delta": 0}, "delta is 0"),
        (HuberLoss, {"unit": "years"}, "unit is 'years'"),
        (FocalRLoss, {"unit": "years"}, "unit is 'years'"),
        (FocalRLoss, {"error": "huber"}, "error is 'huber'"),
        (FocalRLoss, {"beta": 0}, "beta is 0"),
        (FocalRLoss, {"gamma": -1}, "gamma is -1"),
    ],
)
def test_unusable_options_are_errors(make, options, message):
    with pytest.raises(InputError, match=message):
        make(TARGETS, **options)
