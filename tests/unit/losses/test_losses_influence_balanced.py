"""The influence-balanced loss: its formula, its start, and what the gradient passes through."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightning_imb.losses import InfluenceBalancedLoss
from lightning_imb.utils.errors import InputError

COUNTS = [70, 20, 1]
K = len(COUNTS)


@pytest.fixture
def batch() -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(2)
    return nn.Linear(4, K).double(), torch.randn(9, 4, dtype=torch.float64), torch.tensor([0, 0, 0, 1, 1, 2, 0, 1, 2])


def written_out(logits: Tensor, z: Tensor, label: int, alpha: float, eps: float) -> float:
    p = logits.softmax(0).tolist()
    pull = sum(abs(p[c] - (c == label)) for c in range(K))
    size = sum(abs(value) for value in z.tolist())
    return -math.log(p[label]) * alpha / (pull * size + eps)


@pytest.mark.parametrize("weights", ["none", "inverse"])
def test_value_is_the_formula(batch: tuple[nn.Module, Tensor, Tensor], weights: str) -> None:
    head, z, target = batch
    loss = InfluenceBalancedLoss(COUNTS, alpha=10, eps=0.01, weights=weights)
    value, logits = loss.from_embeddings(head, z, target)
    w = loss.class_weight.double().tolist()
    parts = [w[y] * written_out(logits[i], z[i], y, 10, 0.01) for i, y in enumerate(target.tolist())]
    assert value.item() == pytest.approx(sum(parts) / len(parts), rel=1e-9)
    assert torch.equal(logits, head(z))


def test_logits_alone_count_as_an_embedding_of_size_one(batch: tuple[nn.Module, Tensor, Tensor]) -> None:
    head, z, target = batch
    loss = InfluenceBalancedLoss(COUNTS)
    z = z / z.abs().sum(1, keepdim=True)
    assert loss(head(z), target).item() == pytest.approx(loss.from_embeddings(head, z, target)[0].item(), rel=1e-9)


def test_mixed_targets_mix_the_influences_of_their_labels(batch: tuple[nn.Module, Tensor, Tensor]) -> None:
    head, z, target = batch
    loss = InfluenceBalancedLoss(COUNTS, weights="none")
    other = target.flip(0)
    shares = 0.3 * F.one_hot(target, K).double() + 0.7 * F.one_hot(other, K).double()
    first, second, mixed = (loss.from_embeddings(head, z, y)[0].item() for y in (target, other, shares))
    assert mixed == pytest.approx(0.3 * first + 0.7 * second, rel=1e-9)


@pytest.mark.parametrize(("start", "first"), [(0.5, 100), (100, 100), (0, 0), (0.999, 199)])
def test_cross_entropy_whose_classes_weigh_alike_until_the_start(
    batch: tuple[nn.Module, Tensor, Tensor], start: float, first: int
) -> None:
    head, z, target = batch
    loss = InfluenceBalancedLoss(COUNTS, start=start)
    plain = F.cross_entropy(head(z), target).item()
    for epoch in (0, 99, 100, 199):
        loss.begin_epoch(epoch, 200)
        values = (loss.from_embeddings(head, z, target)[0].item(), loss(head(z), target).item())
        for value in values:
            assert (value == pytest.approx(plain, rel=1e-6)) == (epoch < first)


def test_a_detached_factor_is_a_constant_of_the_gradient(batch: tuple[nn.Module, Tensor, Tensor]) -> None:
    head, z, target = batch
    gradients = []
    for detach in (True, False):
        logits = head(z).detach().requires_grad_()
        InfluenceBalancedLoss(COUNTS, alpha=1, weights="none", detach=detach)(logits, target).backward()
        assert logits.grad is not None
        gradients.append(logits.grad)
    logits = head(z).detach().requires_grad_()
    entropy = F.cross_entropy(logits, target, reduction="none")
    factor = 1 / (2 * (1 - torch.exp(-entropy.detach())) + 0.001)
    (reference,) = torch.autograd.grad((entropy * factor).mean(), logits)
    torch.testing.assert_close(gradients[0], reference)
    assert not torch.allclose(gradients[1], reference)


def test_a_solved_sample_has_a_finite_gradient() -> None:
    z = torch.zeros(2, 4, requires_grad=True)  # no size: the eps alone is left below
    head = nn.Linear(4, K)
    nn.init.constant_(head.bias, 0.0)
    with torch.no_grad():
        head.bias[0] = 500.0
    InfluenceBalancedLoss(COUNTS).from_embeddings(head, z, torch.tensor([0, 1]))[0].backward()
    for tensor in (z, head.weight, head.bias):
        assert tensor.grad is not None
        assert torch.isfinite(tensor.grad).all()


@pytest.mark.parametrize(
    ("option", "value"),
    [("alpha", 0), ("alpha", -1), ("eps", 0), ("start", 1.5), ("start", -3), ("start", "late"), ("detach", "no")],
)
def test_unusable_option_is_named(option: str, value: object) -> None:
    with pytest.raises(InputError, match=f"^{option} is "):
        InfluenceBalancedLoss(COUNTS, **{option: value})  # type: ignore[arg-type]
