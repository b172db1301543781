"""LADE: balanced softmax with an estimate of the label-free logit distribution."""

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from lightning_imb.losses.checks import checked_number
from lightning_imb.losses.logit_adjustment import UNIFORM, LogitAdjustmentLoss


class LADELoss(LogitAdjustmentLoss):
    r"""Balanced softmax plus ``alpha * sum_c pi_c * (T_c - mean_c + lam * T_c^2)``.

    ``mean_c`` is the mean of ``z_ic`` over the samples i of class c (0 where the batch has none) and
    ``T_c = logsumexp_i(z_ic - log pi_c - log K) - log N`` over the whole batch: their difference bounds how far the
    class's logit follows the class, and ``lam`` keeps ``T_c`` near 0. Class weights act on the balanced softmax
    alone. ``alpha=0`` is the balanced softmax.

    The second term belongs to a batch and not to a sample: under DDP each process has its own, of its own part of
    the batch, as in the released code. It is defined by hard labels only. Predict by the plain logits for uniform
    test classes; for others add the log of their prior.

    Args:
        class_counts: training samples per class, ``(K,)``.
        alpha: weight of the second term, >= 0.
        lam: weight of its regulariser, >= 0; .01 in the CIFAR-100 command of the released code, .1 its default.
        weights: see `ClassCountLoss`.
        beta: see `ClassCountLoss`.
        reduction: see `ClassCountLoss`; of the balanced softmax.

    Raises:
        InputError: negative alpha or lam, or as `ClassCountLoss`.

    Source:
        Hong et al. 2021, "Disentangling label distribution for long-tailed visual recognition" (arXiv 2012.00321);
        hyperconnect/LADE: loss/LADELoss.py.
    """

    hard_labels_only: ClassVar[bool] = True

    def __init__(
        self,
        class_counts: Sequence[int] | Tensor,
        *,
        alpha: float = 0.1,
        lam: float = 0.01,
        weights: str | Sequence[float] = "none",
        beta: float = 0.9999,
        reduction: str = "weighted_mean",
    ) -> None:
        super().__init__(class_counts, tau=1.0, target_prior=UNIFORM, weights=weights, beta=beta, reduction=reduction)
        self._alpha = checked_number("alpha", alpha, 0)
        self._lam = checked_number("lam", lam, 0)

    def separate_samples(self) -> None:
        """Leave out the second term too."""
        super().separate_samples()
        self._alpha = 0.0

    def _value(self, logits: Tensor, target: Tensor) -> Tensor:
        value = super()._value(logits, target)
        return value if self._alpha == 0 else value + self._alpha * self._estimation(logits, target)

    def _estimation(self, logits: Tensor, target: Tensor) -> Tensor:
        """The second term of a batch, without alpha."""
        prior = self.reached.to(logits.dtype) / self.reached.sum()
        free = (logits - (prior * self.num_classes).log()).logsumexp(dim=0) - math.log(len(logits))
        return (prior * (free - self._own_mean(logits, target) + self._lam * free.square())).sum()

    def _own_mean(self, logits: Tensor, target: Tensor) -> Tensor:
        """Mean logit of each class over its own samples, ``(K,)``; 0 for a class that the batch lacks."""
        own = logits.gather(1, target.unsqueeze(1)).squeeze(1)
        zeros = torch.zeros_like(logits[0])
        number = zeros.index_add(0, target, torch.ones_like(own))
        return zeros.index_add(0, target, own) / number.clamp_min(1)
