"""Label smoothing in its four forms: uniform, negative, by class size, class-weighted."""

import logging
import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_imb.losses import (
    ClassWeightedSmoothingLoss,
    CrossEntropyLoss,
    LabelAwareSmoothingLoss,
    LabelSmoothingLoss,
)
from lightning_imb.utils.errors import InputError

COUNTS = [812, 97, 40, 6, 1]
K = len(COUNTS)


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(25, K, generator=generator, dtype=torch.float64)
    return logits, torch.randint(K, (25,), generator=generator)


def written_out(batch: tuple[Tensor, Tensor], eps: list[float]) -> float:
    """Cross entropy against ``(1 - eps_y) 1_y + eps_y / K``."""
    losses = []
    for row, label in zip(batch[0].log_softmax(1).tolist(), batch[1].tolist(), strict=True):
        rate = eps[label]
        losses.append(-sum(((1 - rate) * (c == label) + rate / K) * row[c] for c in range(K)))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("eps", [1.0, 0.8, 0.1, 0.0, -0.4, -8.0])
def test_smoothing_is_its_formula(batch: tuple[Tensor, Tensor], eps: float) -> None:
    assert LabelSmoothingLoss(COUNTS, eps=eps)(*batch).item() == pytest.approx(written_out(batch, [eps] * K), abs=1e-5)


def test_positive_rates_are_torchs(batch: tuple[Tensor, Tensor]) -> None:
    reference = F.cross_entropy(*batch, label_smoothing=0.2)
    assert LabelSmoothingLoss(COUNTS, eps=0.2)(*batch).item() == pytest.approx(reference.item(), abs=1e-7)


def test_no_smoothing_is_cross_entropy(batch: tuple[Tensor, Tensor]) -> None:
    reference = F.cross_entropy(*batch).item()
    assert LabelSmoothingLoss(COUNTS, eps=0)(*batch).item() == pytest.approx(reference, abs=1e-9)
    assert LabelAwareSmoothingLoss(COUNTS, eps_head=0, eps_tail=0)(*batch).item() == pytest.approx(reference, abs=1e-9)


def test_each_class_may_have_its_own_rate(batch: tuple[Tensor, Tensor]) -> None:
    eps = [0.5, 0.25, 0.0, -0.5, -1.0]
    assert LabelSmoothingLoss(COUNTS, eps=eps)(*batch).item() == pytest.approx(written_out(batch, eps), abs=1e-7)


@pytest.mark.parametrize("size", [1.0, 100.0, 1e4])
def test_a_negative_rate_has_a_bounded_gradient_though_the_loss_has_no_bound(size: float) -> None:
    eps = -6.0
    logits = torch.tensor([[size, 0, 0, 0, 0], [0, size, 0, 0, 0]], requires_grad=True)
    values = LabelSmoothingLoss(COUNTS, eps=eps).per_sample(logits, torch.tensor([0, 0]))
    values.sum().backward()
    assert torch.isfinite(values).all()
    assert logits.grad is not None
    assert (logits.grad.abs().sum(1) <= 2 * (1 + abs(eps)) + 1e-4).all()
    if size >= 100:
        assert values[0] < -size


@pytest.mark.parametrize(("start", "first"), [(0, 0), (0.5, 100), (60, 60)])
def test_cross_entropy_until_the_start(batch: tuple[Tensor, Tensor], start: float, first: int) -> None:
    loss = LabelSmoothingLoss(COUNTS, eps=-1.0, start=start)
    for epoch in (0, 59, 60, 99, 100, 199):
        loss.begin_epoch(epoch, 200)
        expected = F.cross_entropy(*batch).item() if epoch < first else written_out(batch, [-1.0] * K)
        assert loss(*batch).item() == pytest.approx(expected, abs=1e-6)


SHAPES = {
    "concave": lambda u: math.sin(math.pi * u / 2),
    "linear": lambda u: u,
    "convex": lambda u: 1 + math.sin(1.5 * math.pi + math.pi * u / 2),
    "exp": lambda u: u**3,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_rates_rise_with_the_class_size(batch: tuple[Tensor, Tensor], shape: str) -> None:
    loss = LabelAwareSmoothingLoss(COUNTS, eps_head=0.4, eps_tail=0.1, shape=shape, power=3)
    expected = [0.1 + 0.3 * SHAPES[shape]((n - min(COUNTS)) / (max(COUNTS) - min(COUNTS))) for n in COUNTS]
    assert loss.eps.tolist() == pytest.approx(expected, abs=1e-6)
    assert loss.eps[0].item() == pytest.approx(0.4)
    assert loss.eps[-1].item() == pytest.approx(0.1)
    assert loss(*batch).item() == pytest.approx(written_out(batch, expected), abs=1e-6)


def test_balanced_counts_take_the_rate_of_the_head(
    batch: tuple[Tensor, Tensor], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        loss = LabelAwareSmoothingLoss([9] * K, eps_head=0.2)
    assert "eps_head" in caplog.text
    assert loss(*batch).item() == pytest.approx(LabelSmoothingLoss(COUNTS, eps=0.2)(*batch).item(), abs=1e-9)


@pytest.mark.parametrize("eps", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("weights", ["inverse", [0.5, 2.0, 0.0, 7.0, 1.0]])
def test_class_weighted_smoothing_is_torchs(
    batch: tuple[Tensor, Tensor], eps: float, weights: str | list[float]
) -> None:
    loss = ClassWeightedSmoothingLoss(COUNTS, eps=eps, weights=weights)
    reference = F.cross_entropy(*batch, weight=loss.class_weight.double(), label_smoothing=eps)
    assert loss(*batch).item() == pytest.approx(reference.item(), rel=1e-6)


def test_class_weighted_smoothing_over_the_batch_size(batch: tuple[Tensor, Tensor]) -> None:
    loss = ClassWeightedSmoothingLoss(COUNTS, eps=0.3, weights="inverse_sqrt", reduction="mean")
    options = {"weight": loss.class_weight.double(), "label_smoothing": 0.3}
    reference = F.cross_entropy(*batch, **options, reduction="none").mean()
    assert loss(*batch).item() == pytest.approx(reference.item(), rel=1e-6)


def test_mixed_targets_mix_class_weighted_smoothing(batch: tuple[Tensor, Tensor]) -> None:
    logits, target = batch
    other = target.flip(0)
    loss = ClassWeightedSmoothingLoss(COUNTS, reduction="mean")
    shares = 0.3 * F.one_hot(target, K).double() + 0.7 * F.one_hot(other, K).double()
    expected = 0.3 * loss(logits, target) + 0.7 * loss(logits, other)
    assert loss(logits, shares).item() == pytest.approx(expected.item(), rel=1e-9)


def test_equal_weights_make_the_two_smoothings_one(batch: tuple[Tensor, Tensor]) -> None:
    weighted = ClassWeightedSmoothingLoss(COUNTS, eps=0.2, weights="none")
    assert weighted(*batch).item() == pytest.approx(LabelSmoothingLoss(COUNTS, eps=0.2)(*batch).item(), abs=1e-7)
    assert weighted.per_sample(*batch).mean().item() == pytest.approx(weighted(*batch).item(), abs=1e-9)


def test_class_weighted_smoothing_without_smoothing_is_weighted_cross_entropy(batch: tuple[Tensor, Tensor]) -> None:
    weighted = ClassWeightedSmoothingLoss(COUNTS, eps=0, weights="inverse")
    assert weighted(*batch).item() == pytest.approx(
        CrossEntropyLoss(COUNTS, weights="inverse")(*batch).item(), rel=1e-9
    )


@pytest.mark.parametrize("soft", [False, True])
def test_a_batch_of_zero_weight_classes_teaches_nothing_though_smoothed_mass_falls_on_others(soft: bool) -> None:
    loss = ClassWeightedSmoothingLoss([10, 5, 5], eps=0.1, weights=[0, 1, 1])
    logits = torch.randn(2, 3, requires_grad=True)
    labels = torch.tensor([0, 0])
    value = loss(logits, F.one_hot(labels, 3).float() if soft else labels)
    value.backward()
    assert value.item() == 0
    assert logits.grad is not None
    assert torch.equal(logits.grad, torch.zeros(2, 3))


def test_one_label_with_a_weight_is_enough_to_teach() -> None:
    logits, labels, weight = torch.randn(2, 3), torch.tensor([0, 1]), torch.tensor([0.0, 1, 1])
    expected = F.cross_entropy(logits, labels, weight=weight, label_smoothing=0.1)
    torch.testing.assert_close(ClassWeightedSmoothingLoss([10, 5, 5], weights=[0, 1, 1])(logits, labels), expected)


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (lambda: LabelSmoothingLoss(COUNTS, eps=1.1), "eps"),
        (lambda: LabelSmoothingLoss(COUNTS, eps=-math.inf), "eps"),
        (lambda: LabelSmoothingLoss(COUNTS, eps="0.1"), "eps"),
        (lambda: LabelSmoothingLoss(COUNTS, eps=[0.1, 0.2]), "eps"),
        (lambda: LabelSmoothingLoss(COUNTS, eps=[0.1, 0.2, 3, 0, 0]), "eps"),
        (lambda: LabelSmoothingLoss(COUNTS, start=2.5), "start"),
        (lambda: LabelAwareSmoothingLoss(COUNTS, eps_head=1.5), "eps_head"),
        (lambda: LabelAwareSmoothingLoss(COUNTS, eps_head=0.1, eps_tail=0.2), "eps_tail"),
        (lambda: LabelAwareSmoothingLoss(COUNTS, shape="round"), "shape"),
        (lambda: LabelAwareSmoothingLoss(COUNTS, shape="exp", power=0), "power"),
        (lambda: ClassWeightedSmoothingLoss(COUNTS, eps=-0.1), "eps"),
    ],
)
def test_unusable_option_is_named(build: object, name: str) -> None:
    with pytest.raises(InputError, match=f"^{name} is "):
        build()  # type: ignore[operator]
