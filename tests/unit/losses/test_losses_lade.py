"""LADE's second term, written out."""

import math

import pytest
import torch
from torch import Tensor

from lightning_imb.losses import LADELoss, LogitAdjustmentLoss
from lightning_imb.utils.errors import InputError

COUNTS = [50, 9, 4, 1]
K = len(COUNTS)


def second_term(logits: Tensor, target: Tensor, lam: float) -> float:
    """``sum_c pi_c (-(mean_c - T_c) + lam T_c^2)`` in plain loops."""
    total = 0.0
    for c, n in enumerate(COUNTS):
        prior = n / sum(COUNTS)
        own = [row[c] for row, label in zip(logits.tolist(), target.tolist(), strict=True) if label == c]
        spread = [math.exp(row[c] - math.log(prior) + math.log(1 / K)) for row in logits.tolist()]
        free = math.log(sum(spread)) - math.log(len(spread))
        total += prior * (-(sum(own) / len(own) if own else 0.0) + free + lam * free**2)
    return total


@pytest.mark.parametrize("labels", [[0, 0, 1, 2, 3, 0], [0, 0, 0, 0, 0, 0]], ids=["all classes", "one class"])
@pytest.mark.parametrize("lam", [0.0, 0.01, 0.5])
def test_value_is_the_balanced_softmax_plus_the_second_term(labels: list[int], lam: float) -> None:
    logits = 2 * torch.randn(6, K, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    target = torch.tensor(labels)
    expected = LogitAdjustmentLoss(COUNTS)(logits, target).item() + 0.3 * second_term(logits, target, lam)
    assert LADELoss(COUNTS, alpha=0.3, lam=lam)(logits, target).item() == pytest.approx(expected, abs=1e-9)


def test_class_weights_leave_the_second_term_alone() -> None:
    logits = torch.randn(6, K, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    target = torch.tensor([0, 0, 1, 2, 3, 0])
    options = {"weights": "inverse", "reduction": "mean"}
    added = LADELoss(COUNTS, alpha=1, **options)(logits, target) - LogitAdjustmentLoss(COUNTS, **options)(
        logits, target
    )
    assert added.item() == pytest.approx(second_term(logits, target, 0.01), abs=1e-9)


@pytest.mark.parametrize("option", ["alpha", "lam"])
def test_negative_options_are_errors(option: str) -> None:
    with pytest.raises(InputError, match=f"^{option} is "):
        LADELoss(COUNTS, **{option: -0.1})
