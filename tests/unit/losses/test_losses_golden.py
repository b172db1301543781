"""Values of every loss on one small batch, agreed with the released code of the papers to five digits."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from lightning_imb.losses import (
    AsymmetricLoss,
    ClassBalancedLoss,
    ClassCountLoss,
    CrossEntropyLoss,
    FocalLoss,
    LDAMLoss,
    SigmoidFocalLoss,
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
