"""Multi-label ASL: written out, multi-hot rows, and where it is the binary cross entropy."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_imb.losses import MultiLabelAsymmetricLoss, SigmoidFocalLoss
from lightning_imb.utils.errors import InputError

COUNTS = [300, 60, 12, 1]
K = len(COUNTS)
MULTI_HOT = torch.tensor([[1, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 0, 0], [0, 0, 1, 1]], dtype=torch.float64)


@pytest.fixture
def logits() -> Tensor:
    return 3 * torch.randn(5, K, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def written_out(logits: Tensor, present: Tensor, toward: float, away: float, clip: float) -> list[float]:
    losses = []
    for row, there in zip(logits.tolist(), present.tolist(), strict=True):
        total = 0.0
        for z, t in zip(row, there, strict=True):
            p = 1 / (1 + math.exp(-z))
            shifted = max(p - clip, 0)
            total -= t * (1 - p) ** toward * math.log(p) + (1 - t) * shifted**away * math.log(1 - shifted)
        losses.append(total)
    return losses


@pytest.mark.parametrize(("toward", "away", "clip"), [(1, 4, 0.05), (0, 4, 0.05), (0.5, 0.5, 0.2), (2, 3, 0)])
def test_multi_hot_rows_are_the_formula(logits: Tensor, toward: float, away: float, clip: float) -> None:
    loss = MultiLabelAsymmetricLoss(COUNTS, gamma_pos=toward, gamma_neg=away, clip=clip)
    expected = written_out(logits, MULTI_HOT, toward, away, clip)
    assert loss(logits, MULTI_HOT).item() == pytest.approx(sum(expected) / len(expected), rel=1e-6)


def test_labels_are_one_hot_rows(logits: Tensor) -> None:
    target = torch.tensor([0, 0, 1, 3, 2])
    for weights in ("none", "inverse"):
        loss = MultiLabelAsymmetricLoss(COUNTS, weights=weights)
        assert torch.equal(loss(logits, target), loss(logits, F.one_hot(target, K).double()))


def test_without_focusing_it_is_the_summed_binary_cross_entropy(logits: Tensor) -> None:
    loss = MultiLabelAsymmetricLoss(COUNTS, gamma_pos=0, gamma_neg=0, clip=0)
    reference = F.binary_cross_entropy_with_logits(logits, MULTI_HOT, reduction="sum") / len(logits)
    assert loss(logits, MULTI_HOT).item() == pytest.approx(reference.item(), abs=1e-9)


def test_equal_focusing_without_clip_is_the_sigmoid_focal_loss(logits: Tensor) -> None:
    target = torch.tensor([0, 0, 1, 3, 2])
    loss = MultiLabelAsymmetricLoss(COUNTS, gamma_pos=2, gamma_neg=2, clip=0)
    assert loss(logits, target).item() == pytest.approx(
        SigmoidFocalLoss(COUNTS, gamma=2)(logits, target).item(), abs=1e-9
    )


@pytest.mark.parametrize("reduction", ["weighted_mean", "mean"])
def test_a_row_weighs_the_mean_weight_of_its_classes(logits: Tensor, reduction: str) -> None:
    weights = [1.0, 2.0, 4.0, 8.0]
    loss = MultiLabelAsymmetricLoss(COUNTS, weights=weights, reduction=reduction)
    rows = written_out(logits, MULTI_HOT, 1, 4, 0.05)
    mass = [4.5, 1.0, 3.75, 2.0, 6.0]  # the second row has no class
    total = sum(m * row for m, row in zip(mass, rows, strict=True))
    expected = total / (sum(mass) if reduction == "weighted_mean" else len(rows))
    assert loss(logits, MULTI_HOT).item() == pytest.approx(expected, rel=1e-6)


def test_an_easy_absent_class_costs_nothing() -> None:
    logits = torch.tensor([[50.0, -4.0, -5.0, -6.0]], requires_grad=True)  # sigmoid(-4) = .018
    value = MultiLabelAsymmetricLoss(COUNTS, clip=0.05)(logits, torch.tensor([0]))
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-12)
    assert logits.grad is not None
    assert logits.grad[0, 1:].tolist() == [0, 0, 0]


def test_detached_factors_are_constants_of_the_gradient(logits: Tensor) -> None:
    gradients = []
    for detach in (True, False):
        z = logits.clone().requires_grad_()
        MultiLabelAsymmetricLoss(COUNTS, detach=detach)(z, MULTI_HOT).backward()
        assert z.grad is not None
        gradients.append(z.grad)
    z = logits.clone().requires_grad_()
    p = z.sigmoid()
    shifted = (p - 0.05).clamp_min(0)
    here, gone = (1 - p).detach() * p.log(), shifted.detach() ** 4 * (1 - shifted).log()
    (reference,) = torch.autograd.grad(-(MULTI_HOT * here + (1 - MULTI_HOT) * gone).sum() / len(z), z)
    torch.testing.assert_close(gradients[0], reference)
    assert not torch.allclose(gradients[1], reference)


@pytest.mark.parametrize(
    ("option", "value"), [("gamma_pos", -1), ("gamma_neg", -1), ("clip", -0.1), ("clip", 1.5), ("detach", 1)]
)
def test_unusable_option_is_named(option: str, value: object) -> None:
    with pytest.raises(InputError, match=f"^{option} is "):
        MultiLabelAsymmetricLoss(COUNTS, **{option: value})  # type: ignore[arg-type]
