"""Softmax equalization loss: rare classes are often left out of the denominator of others."""

import logging
from collections.abc import Sequence

import torch
from torch import Tensor

from lightning_imb.losses.checks import checked_number
from lightning_imb.losses.cross_entropy import surprise
from lightning_imb.losses.noisy import NoisyLoss

logger = logging.getLogger(__name__)


class EqualizationLoss(NoisyLoss):
    r"""Cross entropy whose rare classes are spared the push from samples of other classes, at random.

    A class is rare when it has less than the share ``lam`` of the training samples. In the softmax of a sample each
    rare class other than its own is left out with probability ``gamma``, drawn anew for each sample and class.
    ``gamma=0``, ``lam=0`` and counts without a rare class are cross entropy; the last is told by a warning.

    Args:
        class_counts: training samples per class, ``(K,)``.
        gamma: probability of leaving out, 0..1.
        lam: share of all training samples below which a class is rare, 0..1; compares a fraction, never a count.
        weights: see `ClassCountLoss`.
        beta: see `ClassCountLoss`.
        reduction: see `ClassCountLoss`.

    Raises:
        InputError: gamma or lam outside 0..1, or as `ClassCountLoss`.

    Source:
        Tan et al. 2020, "Equalization loss for long-tailed object recognition" (arXiv 2003.05176), its softmax form.
    """

    rare: Tensor

    def __init__(
        self,
        class_counts: Sequence[int] | Tensor,
        *,
        gamma: float = 0.9,
        lam: float = 0.005,
        weights: str | Sequence[float] = "none",
        beta: float = 0.9999,
        reduction: str = "weighted_mean",
    ) -> None:
        super().__init__(class_counts, weights=weights, beta=beta, reduction=reduction)
        self._gamma = checked_number("gamma", gamma, 0, 1)
        counts = self.class_counts.to(torch.float64)
        rare = counts / counts.sum() < checked_number("lam", lam, 0, 1)
        if not bool(rare.any()):
            logger.warning("no class has less than %g of the samples, so the loss is cross entropy: raise lam", lam)
        self.register_buffer("rare", rare, persistent=False)

    def draw(self, logits: Tensor) -> Tensor:
        """Which classes are left out, ``(N, K)`` boolean; the own class of a sample is kept by `under`."""
        return (torch.rand(logits.shape, device=logits.device) < self._gamma) & self.rare

    def under(self, noise: Tensor, logits: Tensor, target: Tensor) -> Tensor:
        """Cross entropy of each sample without the classes that are left out, ``(N,)``."""
        left_out = noise.scatter(1, target.unsqueeze(1), False)
        return surprise(logits.masked_fill(left_out, -torch.inf), target)
