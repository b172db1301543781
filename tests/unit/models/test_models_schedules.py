import math

import pytest
import torch

from lightning_imb.models.schedules import constant, cosine, warmup_multistep
from lightning_imb.utils.errors import InputError


def rates(make, epochs, **settings):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    schedule = make(optimizer, epochs=epochs, **settings)
    found = []
    for _ in range(epochs):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def test_recipe_of_ldam_drw():
    lr = rates(warmup_multistep, 200, warmup_epochs=5, milestones=[0.8, 0.9], gamma=0.01)
    assert lr[:5] == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1])
    assert lr[5] == lr[159] == pytest.approx(0.1)
    assert lr[160] == lr[179] == pytest.approx(1e-3)
    assert lr[180] == lr[199] == pytest.approx(1e-5)


def test_milestones_as_epochs_equal_milestones_as_shares():
    settings = {"warmup_epochs": 0, "gamma": 0.1}
    assert rates(warmup_multistep, 20, milestones=[16, 18], **settings) == rates(
        warmup_multistep, 20, milestones=[0.8, 0.9], **settings
    )


def test_schedule_of_the_released_head_training():
    lr = rates(warmup_multistep, 10, warmup_epochs=5, milestones=[], gamma=0.01)
    assert lr == pytest.approx([0.02, 0.04, 0.06, 0.08] + 6 * [0.1])


def test_cosine_falls_from_the_full_rate_towards_zero():
    lr = rates(cosine, 10, warmup_epochs=2)
    expected = [0.05, 0.1] + [0.05 * (1 + math.cos(math.pi * e / 8)) for e in range(8)]
    assert lr == pytest.approx(expected)


def test_constant_is_constant_after_the_warmup():
    assert rates(constant, 4, warmup_epochs=2) == pytest.approx([0.05, 0.1, 0.1, 0.1])


def test_milestones_must_ascend():
    with pytest.raises(InputError, match=r"ascend"):
        rates(warmup_multistep, 10, warmup_epochs=0, milestones=[8, 4], gamma=0.1)
