"""Identities between losses, against torch's own losses or the formula written out, in float64."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_imb.losses import (
    AsymmetricLoss,
    BalancedContrastiveLoss,
    ClassBalancedLoss,
    ClassCountLoss,
    CrossEntropyLoss,
    FocalLoss,
    LADELoss,
    LDAMLoss,
    LogitAdjustmentLoss,
    SADELoss,
    SigmoidFocalLoss,
    VSLoss,
)
from lightning_imb.utils.errors import InputError

COUNTS = [812, 97, 40, 6, 1]
K = len(COUNTS)


@pytest.fixture(params=range(3))
def batch(request: pytest.FixtureRequest) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(request.param)
    logits = 3 * torch.randn(40, K, generator=generator, dtype=torch.float64)
    return logits, torch.randint(K, (40,), generator=generator)


def close(left: Tensor, right: Tensor | float) -> None:
    assert left.item() == pytest.approx(float(right), abs=1e-6)


@pytest.mark.parametrize("weights", ["inverse", "inverse_sqrt", "effective", [0.5, 2.0, 0.0, 7.0, 1.0]])
def test_weighted_cross_entropy_is_torchs(batch: tuple[Tensor, Tensor], weights: str | list[float]) -> None:
    logits, target = batch
    loss = CrossEntropyLoss(COUNTS, weights=weights, reduction="weighted_mean")
    reference = F.cross_entropy(logits, target, weight=loss.class_weight.double())
    assert loss(logits, target).item() == pytest.approx(reference.item(), rel=1e-6)


@pytest.mark.parametrize("weights", ["none", "inverse", "inverse_sqrt", "effective"])
@pytest.mark.parametrize("reduction", ["weighted_mean", "mean"])
def test_balanced_counts_give_plain_cross_entropy(batch: tuple[Tensor, Tensor], weights: str, reduction: str) -> None:
    loss = CrossEntropyLoss([50] * K, weights=weights, reduction=reduction)
    close(loss(*batch), F.cross_entropy(*batch))


def test_focal_without_focusing_is_cross_entropy(batch: tuple[Tensor, Tensor]) -> None:
    for weights in ("none", "effective"):
        focal = FocalLoss(COUNTS, gamma=0, weights=weights, reduction="mean")
        close(focal(*batch), CrossEntropyLoss(COUNTS, weights=weights, reduction="mean")(*batch))


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 3.5])
def test_focal_is_its_formula(batch: tuple[Tensor, Tensor], gamma: float) -> None:
    logits, target = batch
    p = logits.softmax(1)[torch.arange(len(target)), target]
    close(FocalLoss(COUNTS, gamma=gamma)(*batch), ((1 - p) ** gamma * -p.log()).mean())


def test_official_focal_is_the_released_code(batch: tuple[Tensor, Tensor]) -> None:
    loss = FocalLoss(COUNTS, gamma=1.5, p_from="official", weights="inverse", reduction="mean")
    values = F.cross_entropy(*batch, weight=loss.class_weight.double(), reduction="none")
    close(loss(*batch), ((1 - torch.exp(-values)) ** 1.5 * values).mean())


def test_official_focal_without_weights_is_focal(batch: tuple[Tensor, Tensor]) -> None:
    close(FocalLoss(COUNTS, gamma=2, p_from="official")(*batch), FocalLoss(COUNTS, gamma=2)(*batch))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_gradient_is_finite_on_a_solved_sample(gamma: float) -> None:
    for loss in (FocalLoss(COUNTS, gamma=gamma), AsymmetricLoss(COUNTS, gamma_pos=gamma, eps=0.1)):
        logits = torch.zeros(2, K).index_fill_(1, torch.tensor([0]), 200.0).requires_grad_()
        loss(logits, torch.tensor([0, 0])).backward()
        assert logits.grad is not None
        assert torch.isfinite(logits.grad).all()


def test_sigmoid_focal_without_focusing_is_summed_bce(batch: tuple[Tensor, Tensor]) -> None:
    logits, target = batch
    one_hot = F.one_hot(target, K).double()
    reference = F.binary_cross_entropy_with_logits(logits, one_hot, reduction="sum") / len(logits)
    close(SigmoidFocalLoss(COUNTS, gamma=0)(*batch), reference)
    assert SigmoidFocalLoss(COUNTS, gamma=0)(*batch).item() == pytest.approx(reference.item(), abs=1e-9)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_sigmoid_focal_is_the_paper_formula(batch: tuple[Tensor, Tensor], gamma: float) -> None:
    logits, target = batch
    one_hot = F.one_hot(target, K).double()
    p_t = torch.where(one_hot == 1, logits.sigmoid(), 1 - logits.sigmoid())
    terms = (1 - p_t) ** gamma * F.binary_cross_entropy_with_logits(logits, one_hot, reduction="none")
    loss = SigmoidFocalLoss(COUNTS, gamma=gamma, weights="inverse", reduction="mean")
    weight = loss.class_weight.double()[target]
    close(loss(*batch), (weight * terms.sum(1)).mean())


@pytest.mark.parametrize("size", [1e4, -1e4])
def test_sigmoid_focal_survives_huge_logits(size: float) -> None:
    logits = torch.full((3, K), size, requires_grad=True)
    value = SigmoidFocalLoss(COUNTS, gamma=2)(logits, torch.tensor([0, 1, 2]))
    value.backward()
    assert torch.isfinite(value)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_class_balanced_bases_are_the_weighted_losses(batch: tuple[Tensor, Tensor]) -> None:
    common = {"weights": "effective", "beta": 0.99, "reduction": "mean"}
    pairs: list[tuple[ClassCountLoss, ClassCountLoss]] = [
        (ClassBalancedLoss(COUNTS, base="softmax", beta=0.99), CrossEntropyLoss(COUNTS, **common)),
        (
            ClassBalancedLoss(COUNTS, base="sigmoid", gamma=2, beta=0.99),
            SigmoidFocalLoss(COUNTS, gamma=0, **common),
        ),
        (
            ClassBalancedLoss(COUNTS, base="focal", gamma=2, beta=0.99),
            SigmoidFocalLoss(COUNTS, gamma=2, **common),
        ),
    ]
    for left, right in pairs:
        close(left(*batch), right(*batch))


@pytest.mark.parametrize("weights", ["none", "inverse", [1.0] * K])
def test_class_balanced_refuses_other_weights(weights: str | list[float]) -> None:
    with pytest.raises(InputError, match="defined by weights=effective"):
        ClassBalancedLoss(COUNTS, weights=weights)


def test_sigmoid_losses_ask_for_a_rare_class_bias() -> None:
    bias = -math.log(K - 1)
    assert SigmoidFocalLoss(COUNTS).head_bias() == pytest.approx(bias)
    assert ClassBalancedLoss(COUNTS, base="focal").head_bias() == pytest.approx(bias)
    assert ClassBalancedLoss(COUNTS, base="sigmoid").head_bias() == pytest.approx(bias)
    assert ClassBalancedLoss(COUNTS, base="softmax").head_bias() is None
    assert CrossEntropyLoss(COUNTS).head_bias() is None
    assert 1 / (1 + math.exp(-bias)) == pytest.approx(1 / K)


def test_ldam_is_the_paper_formula(batch: tuple[Tensor, Tensor]) -> None:
    cosines, target = batch[0].tanh(), batch[1]
    margins = 0.4 * (min(COUNTS) / torch.tensor(COUNTS, dtype=torch.float64)) ** 0.25
    shifted = cosines - margins[target].unsqueeze(1) * F.one_hot(target, K)
    reference = F.cross_entropy(20 * shifted, target)
    loss = LDAMLoss(COUNTS, max_m=0.4, scale=20)
    assert loss(20 * cosines, target).item() == pytest.approx(reference.item(), rel=1e-6)


def test_ldam_without_margin_is_cross_entropy(batch: tuple[Tensor, Tensor]) -> None:
    close(LDAMLoss(COUNTS, max_m=0)(*batch), F.cross_entropy(*batch))


def test_ldam_on_balanced_counts_keeps_its_margin(batch: tuple[Tensor, Tensor]) -> None:
    loss = LDAMLoss([9] * K, max_m=0.5)
    assert torch.equal(loss.margins, torch.full((K,), 0.5))
    assert loss(*batch).item() > F.cross_entropy(*batch).item() + 1


def test_ldam_needs_the_cosine_head() -> None:
    assert LDAMLoss(COUNTS).required_head == "cosine"
    assert CrossEntropyLoss(COUNTS).required_head is None


@pytest.mark.parametrize("gamma_neg", [0.0, 1.0, 4.0])
def test_asl_without_smoothing(batch: tuple[Tensor, Tensor], gamma_neg: float) -> None:
    close(AsymmetricLoss(COUNTS, gamma_pos=0, gamma_neg=gamma_neg, eps=0)(*batch), F.cross_entropy(*batch))
    focal = FocalLoss(COUNTS, gamma=2)(*batch)
    close(AsymmetricLoss(COUNTS, gamma_pos=2, gamma_neg=gamma_neg, eps=0)(*batch), focal)


def test_asl_without_focusing_is_label_smoothing(batch: tuple[Tensor, Tensor]) -> None:
    loss = AsymmetricLoss(COUNTS, gamma_pos=0, gamma_neg=0, eps=0.2)
    close(loss(*batch), F.cross_entropy(*batch, label_smoothing=0.2))


def test_asl_is_its_formula(batch: tuple[Tensor, Tensor]) -> None:
    logits, target = batch
    p, one_hot = logits.softmax(1), F.one_hot(target, K).double()
    focus = (1 - p) ** 1.5 * one_hot + p**3 * (1 - one_hot)
    smooth = 0.9 * one_hot + 0.1 / K
    reference = -(smooth * focus * p.log()).sum(1).mean()
    close(AsymmetricLoss(COUNTS, gamma_pos=1.5, gamma_neg=3, eps=0.1)(*batch), reference)


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (lambda: FocalLoss(COUNTS, gamma=-1), "gamma"),
        (lambda: FocalLoss(COUNTS, p_from="weighted"), "p_from"),
        (lambda: SigmoidFocalLoss(COUNTS, gamma=float("inf")), "gamma"),
        (lambda: ClassBalancedLoss(COUNTS, base="hinge"), "base"),
        (lambda: ClassBalancedLoss(COUNTS, gamma=-0.5), "gamma"),
        (lambda: LDAMLoss(COUNTS, max_m=-0.1), "max_m"),
        (lambda: LDAMLoss(COUNTS, scale=0), "scale"),
        (lambda: LDAMLoss(COUNTS, scale=-30), "scale"),
        (lambda: AsymmetricLoss(COUNTS, gamma_pos=-1), "gamma_pos"),
        (lambda: AsymmetricLoss(COUNTS, gamma_neg="4"), "gamma_neg"),
        (lambda: AsymmetricLoss(COUNTS, eps=1.2), "eps"),
    ],
)
def test_unusable_option_is_named(build: object, name: str) -> None:
    with pytest.raises(InputError, match=f"^{name} is "):
        build()  # type: ignore[operator]


@pytest.mark.parametrize("make", [LogitAdjustmentLoss, VSLoss, LADELoss, BalancedContrastiveLoss, SADELoss])
def test_the_prior_follows_the_samples_that_reach_the_loss(make):
    """Trained on a balanced set, a loss must not take a prior out of logits that the set does not have."""
    balanced, moved = make([7, 7, 7]), make([100, 20, 4])
    logits, target = torch.randn(6, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 1, 2, 2, 1, 0])
    assert moved(logits, target).item() != pytest.approx(balanced(logits, target).item(), abs=1e-3)
    moved.weigh_for([50, 50, 50])
    if make is VSLoss:  # its temperatures are margins: they stay those of the images
        balanced = make([100, 20, 4], tau=0.0)
    assert moved(logits, target).item() == pytest.approx(balanced(logits, target).item(), abs=1e-5)
