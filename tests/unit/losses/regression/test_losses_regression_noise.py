"""The assumed noise of labels: its value, its bounds, and that no network holds it."""

import pytest
import torch
from torch import nn

from lightning_imb.losses.regression.noise import LabelNoise
from lightning_imb.utils.errors import InputError


@pytest.mark.parametrize("learn", [True, False])
@pytest.mark.parametrize("least", [0.0, 0.2, 0.49])
def test_variance_starts_as_told(learn, least):
    assert LabelNoise(0.5, learn, least).variance().item() == pytest.approx(0.25)


def test_learning_never_goes_below_the_least():
    noise = LabelNoise(0.5, True, 0.2)
    with torch.no_grad():
        noise.log_noise.fill_(-100.0)
    assert noise.variance().item() == pytest.approx(0.04)


def test_only_a_learnt_noise_is_a_parameter_and_has_a_state():
    assert len(list(LabelNoise(0.5, True, 0.0).parameters())) == 1
    assert list(LabelNoise(0.5, False, 0.0).parameters()) == []
    assert LabelNoise(0.5, False, 0.0).state() == {}


def test_state_is_a_copy_that_another_goes_on_from():
    first, second = LabelNoise(0.5, True, 0.1), LabelNoise(3.0, True, 0.1)
    state = first.state()
    with torch.no_grad():
        first.log_noise.fill_(7.0)
    second.load_state(state)
    assert second.variance().item() == pytest.approx(0.25)
    assert second.log_noise.requires_grad


def test_a_parent_neither_saves_nor_expects_it():
    parent = nn.ModuleDict({"head": nn.Linear(2, 1), "noise": LabelNoise(0.5, True, 0.1)})
    assert set(parent.state_dict()) == {"head.weight", "head.bias"}
    before = parent["noise"].variance().item()
    parent.load_state_dict(nn.ModuleDict({"head": nn.Linear(2, 1)}).state_dict(), strict=True)
    assert parent["noise"].variance().item() == before


def test_noise_at_its_least_is_an_error():
    with pytest.raises(InputError, match=r"noise s is 0\.2 in units of the target but must be above 0\.2"):
        LabelNoise(0.2, True, 0.2)
