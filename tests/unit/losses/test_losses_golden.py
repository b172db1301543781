"""Values of every loss on one small batch, agreed with the released code of the papers to five digits."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lightning_imb.losses import (
    AsymmetricLoss,
    CDTLoss,
    ClassBalancedLoss,
    ClassCountLoss,
    CrossEntropyLoss,
    EqualizationLoss,
    FocalLoss,
    GCLLoss,
    InfluenceBalancedLoss,
    LabelAwareSmoothingLoss,
    LADELoss,
    LDAMLoss,
    LogitAdjustmentLoss,
    MultiLabelAsymmetricLoss,
    SeesawLoss,
    SigmoidFocalLoss,
    VSLoss,
)

N = [100, 20, 4]
Y = torch.tensor([0, 0, 1, 2])
Z = torch.tensor([[2, 0.5, -1], [1.5, 1, -0.5], [0.2, 0.1, 0.3], [1, -0.5, 0.4]], dtype=torch.float64)
COSINES = torch.tensor([[0.8, 0.1, -0.2], [0.6, 0.2, 0], [0.3, 0.25, 0.1], [0.5, -0.1, 0.2]], dtype=torch.float64)
S = 30.0
CB = {"weights": "effective", "beta": 0.999}

CASES: list[tuple[str, float, Callable[[], ClassCountLoss], Tensor]] = [
    ("ce", 0.792572, lambda: CrossEntropyLoss(N), Z),
    ("ce weighted", 1.126247, lambda: CrossEntropyLoss(N, **CB, reduction="weighted_mean"), Z),
    ("ce weighted, mean", 0.873180, lambda: CrossEntropyLoss(N, **CB, reduction="mean"), Z),
    ("focal 1", 0.484445, lambda: FocalLoss(N, gamma=1), Z),
    ("focal 2", 0.314539, lambda: FocalLoss(N, gamma=2), Z),
    ("focal 1 weighted", 0.597451, lambda: FocalLoss(N, gamma=1, **CB, reduction="mean"), Z),
    (
        "focal 1 official",
        0.730679,
        lambda: FocalLoss(N, gamma=1, p_from="official", **CB, reduction="mean"),
        Z,
    ),
    ("sigmoid focal 0", 2.000066, lambda: SigmoidFocalLoss(N, gamma=0), Z),
    ("sigmoid focal 2", 0.674675, lambda: SigmoidFocalLoss(N, gamma=2), Z),
    ("sigmoid focal 2 weighted", 0.624990, lambda: SigmoidFocalLoss(N, gamma=2, **CB, reduction="mean"), Z),
    ("cb softmax", 0.873180, lambda: ClassBalancedLoss(N, base="softmax", beta=0.999), Z),
    ("cb focal", 0.624990, lambda: ClassBalancedLoss(N, base="focal", gamma=2, beta=0.999), Z),
    ("ldam", 8.884656, lambda: LDAMLoss(N, max_m=0.5, scale=S), S * COSINES),
    ("ldam weighted", 20.478672, lambda: LDAMLoss(N, **CB, reduction="weighted_mean"), S * COSINES),
    ("ldam without margin", 2.675892, lambda: LDAMLoss(N, max_m=0), S * COSINES),
    ("ce of scaled cosines", 2.675892, lambda: CrossEntropyLoss(N), S * COSINES),
    ("asl 0/4/.1", 0.740629, lambda: AsymmetricLoss(N, gamma_pos=0, gamma_neg=4, eps=0.1), Z),
    ("asl 0/4/0", 0.792572, lambda: AsymmetricLoss(N, gamma_pos=0, gamma_neg=4, eps=0), Z),
    ("asl multi label, of the 4 samples", 1.255999 / 4, lambda: MultiLabelAsymmetricLoss(N), Z),
    ("logit adjustment 1", 1.490182, lambda: LogitAdjustmentLoss(N, tau=1), Z),
    ("logit adjustment 2", 2.609197, lambda: LogitAdjustmentLoss(N, tau=2), Z),
    ("vs", 1.550108, lambda: VSLoss(N, gamma=0.3, tau=1), Z),
    ("cdt", 0.813607, lambda: CDTLoss(N, gamma=0.3), Z),
    ("lade", 1.412151, lambda: LADELoss(N, alpha=0.1, lam=0.01), Z),
    ("lade, second term", -0.780309 + 1.490182, lambda: LADELoss(N, alpha=1, lam=0.01), Z),
    ("equalization, all rare left out", 0.647991, lambda: EqualizationLoss(N, gamma=1, lam=0.05), Z),
    ("seesaw", 0.821040, lambda: SeesawLoss(N, counts="dataset"), Z),
    ("label-aware smoothing", 0.965631, lambda: LabelAwareSmoothingLoss(N, eps_head=0.3, eps_tail=0), Z),
]


@pytest.mark.parametrize(("expected", "build", "logits"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_golden_value(expected: float, build: Callable[[], ClassCountLoss], logits: Tensor) -> None:
    assert build()(logits, Y).item() == pytest.approx(expected, abs=3e-6)


def test_golden_class_weights() -> None:
    effective = CrossEntropyLoss(N, **CB).class_weight
    inverse = CrossEntropyLoss(N, weights="inverse").class_weight
    np.testing.assert_allclose(effective.numpy(), [0.101203, 0.486357, 2.41244], atol=2e-6)
    np.testing.assert_allclose(inverse.numpy(), [0.096774, 0.483871, 2.419355], atol=2e-6)


def test_golden_margins() -> None:
    np.testing.assert_allclose(LDAMLoss(N, max_m=0.5).margins.numpy(), [0.223607, 0.334370, 0.5], atol=1e-6)


def test_golden_margins_of_cifar10_exp100() -> None:
    counts = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
    expected = [0.1581, 0.1797, 0.2042, 0.2321, 0.2638, 0.2998, 0.3407, 0.3872, 0.4405, 0.5]
    np.testing.assert_allclose(LDAMLoss(counts, max_m=0.5).margins.numpy(), expected, atol=1e-4)


class Gives(nn.Module):
    """A head with these logits, whatever it reads."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, z: Tensor) -> Tensor:
        return self.logits


@pytest.mark.parametrize(("weights", "expected"), [("none", 1233.0702), ("inverse", 1515.5811)])
def test_golden_influence_balanced(weights: str, expected: float) -> None:
    embeddings = torch.tensor([[1, 0.5], [0.3, 0.6], [0.2, 0.3], [0.4, 0]], dtype=torch.float64)
    loss = InfluenceBalancedLoss(N, alpha=1000, eps=1e-3, weights=weights)
    value, logits = loss.from_embeddings(Gives(Z), embeddings, Y)
    assert value.item() == pytest.approx(expected, rel=1e-6)
    assert logits is Z


def test_golden_clouded_logits() -> None:
    loss = GCLLoss(N, noise=0.5, max_m=0, scale=S)
    half = torch.full_like(COSINES, 0.5)
    assert loss.under(half, S * COSINES, Y).mean().item() == pytest.approx(5.438809, abs=3e-6)


CIFAR10_EXP100 = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]


def test_golden_vectors_of_cifar10_exp100() -> None:
    prior = [-0.9087, -1.4206, -1.9326, -2.444, -2.9567, -3.4675, -3.9792, -4.4915, -5.0071, -5.5139]
    shift = LogitAdjustmentLoss(CIFAR10_EXP100).shift.numpy()
    np.testing.assert_allclose(shift - np.log(10), prior, atol=1e-4)
    for gamma, expected in (
        (0.3, [1, 1.166, 1.3596, 1.585, 1.8485, 2.1547, 2.5121, 2.9295, 3.4195, 3.9811]),
        (0.15, [1, 1.0798, 1.166, 1.259, 1.3596, 1.4679, 1.585, 1.7116, 1.8492, 1.9953]),
    ):
        np.testing.assert_allclose(CDTLoss(CIFAR10_EXP100, gamma=gamma).temperature.numpy(), expected, atol=1e-4)
    eps = LabelAwareSmoothingLoss(CIFAR10_EXP100, eps_head=0.3, eps_tail=0).eps.numpy()
    np.testing.assert_allclose(eps, [0.3, 0.2414, 0.1578, 0.096, 0.0563, 0.032, 0.0173, 0.0085, 0.0031, 0], atol=1e-4)
