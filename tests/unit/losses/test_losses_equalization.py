"""The softmax equalization loss: who is left out, how often, and of what."""

import logging
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_imb.losses import EqualizationLoss
from lightning_imb.utils.errors import InputError

COUNTS = [900, 80, 15, 4, 1]  # of 1000
K = len(COUNTS)


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(30, K, generator=generator, dtype=torch.float64)
    return logits, torch.randint(K, (30,), generator=generator)


def written_out(logits: Tensor, target: Tensor, left_out: Tensor) -> list[float]:
    """Cross entropy with the weights 1 - b * [rare] * [k != y] in the denominator."""
    losses = []
    for row, label, out in zip(logits.tolist(), target.tolist(), left_out.tolist(), strict=True):
        omega = [1 - (out[k] and COUNTS[k] / sum(COUNTS) < 0.02 and k != label) for k in range(K)]
        below = sum(weight * math.exp(z) for weight, z in zip(omega, row, strict=True))
        losses.append(math.log(below) - row[label])
    return losses


def test_value_is_the_formula(batch: tuple[Tensor, Tensor]) -> None:
    logits, target = batch
    loss = EqualizationLoss(COUNTS, gamma=0.5, lam=0.02)
    torch.manual_seed(5)
    value = loss(logits, target)
    torch.manual_seed(5)
    left_out = torch.rand(logits.shape) < 0.5
    expected = written_out(logits, target, left_out)
    assert value.item() == pytest.approx(sum(expected) / len(expected), abs=1e-9)


@pytest.mark.parametrize("options", [{"gamma": 0.0}, {"lam": 0.0}])
def test_without_leaving_out_it_is_cross_entropy(batch: tuple[Tensor, Tensor], options: dict[str, float]) -> None:
    loss = EqualizationLoss(COUNTS, **options)
    assert loss(*batch).item() == pytest.approx(F.cross_entropy(*batch).item(), abs=1e-9)


def test_rare_is_a_share_below_lam() -> None:
    assert EqualizationLoss(COUNTS, lam=0.015).rare.tolist() == [False, False, False, True, True]
    assert EqualizationLoss(COUNTS, lam=0.0151).rare.tolist() == [False, False, True, True, True]


def test_rare_classes_are_left_out_as_often_as_gamma_says() -> None:
    torch.manual_seed(0)
    drawn = EqualizationLoss(COUNTS, gamma=0.7, lam=0.02).draw(torch.zeros(20_000, K)).double().mean(0)
    assert drawn[:2].tolist() == [0, 0]
    assert drawn[2:].tolist() == pytest.approx([0.7] * 3, abs=4 * math.sqrt(0.21 / 20_000))


def test_a_rare_class_is_never_left_out_of_its_own_samples() -> None:
    logits = torch.zeros(4, K, requires_grad=True)
    loss = EqualizationLoss(COUNTS, gamma=1.0, lam=0.02)
    loss(logits, torch.tensor([0, 2, 3, 4])).backward()
    assert logits.grad is not None
    pushed = (logits.grad > 0).tolist()
    assert [row[2:] for row in pushed] == [[False] * 3] * 4
    assert logits.grad[1, 2] < 0
    assert logits.grad[2, 3] < 0


def test_both_labels_of_a_mixed_sample_meet_the_same_noise(batch: tuple[Tensor, Tensor]) -> None:
    logits, target = batch
    other = target.flip(0)
    loss = EqualizationLoss(COUNTS, gamma=0.5, lam=0.02)
    values = []
    shares = 0.4 * F.one_hot(target, K).double() + 0.6 * F.one_hot(other, K).double()
    for wanted in (target, other, shares):
        torch.manual_seed(9)
        values.append(loss(logits, wanted).item())
    assert values[2] == pytest.approx(0.4 * values[0] + 0.6 * values[1], rel=1e-9)


def test_no_rare_class_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        EqualizationLoss([10, 10], lam=0.005)
    assert "raise lam" in caplog.text
    caplog.clear()
    EqualizationLoss(COUNTS, lam=0.005)
    assert not caplog.text


@pytest.mark.parametrize("option", ["gamma", "lam"])
@pytest.mark.parametrize("value", [-0.1, 1.1, None])
def test_options_outside_0_to_1(option: str, value: float) -> None:
    with pytest.raises(InputError, match=f"^{option} is "):
        EqualizationLoss(COUNTS, **{option: value})
