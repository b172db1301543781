"""The assumed noise of labels: its value, its bounds, and that no network holds it."""

import pytest
import torch
from torch import nn

from lightning_imb.losses.regression.noise import LabelNoise


@pytest.mark.parametrize("learn", [True, False])
@pytest.mark.parametrize("initial", [1e-3, 0.5, 1e4])
def test_variance_starts_as_told(learn, initial):
    assert LabelNoise(initial, learn).variance().item() == pytest.approx(initial**2)


@pytest.mark.parametrize("initial", [1e-3, 0.5])
def test_learning_never_reaches_nothing(initial):
    noise = LabelNoise(initial, True)
    with torch.no_grad():
        noise.log_noise.fill_(-100.0)
    assert noise.variance().item() == pytest.approx((1e-4 * initial) ** 2, rel=1e-6, abs=0)


def test_only_a_learnt_noise_is_a_parameter_and_has_a_state():
    assert len(list(LabelNoise(0.5, True).parameters())) == 1
    assert list(LabelNoise(0.5, False).parameters()) == []
    assert LabelNoise(0.5, False).state() == {}


def test_state_is_a_copy_that_another_goes_on_from():
    first, second = LabelNoise(0.5, True), LabelNoise(3.0, True)
    state = first.state()
    with torch.no_grad():
        first.log_noise.fill_(7.0)
    second.load_state(state)
    assert second.variance().item() == pytest.approx(0.25)
    assert second.log_noise.requires_grad


def test_a_parent_neither_saves_nor_expects_it():
    parent = nn.ModuleDict({"head": nn.Linear(2, 1), "noise": LabelNoise(0.5, True)})
    assert set(parent.state_dict()) == {"head.weight", "head.bias"}
    before = parent["noise"].variance().item()
    parent.load_state_dict(nn.ModuleDict({"head": nn.Linear(2, 1)}).state_dict(), strict=True)
    assert parent["noise"].variance().item() == before
