"""Focal loss on K independent sigmoids."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_imb.losses.base import ClassCountLoss
from lightning_imb.losses.checks import checked_number
from lightning_imb.losses.focal import power


def sigmoid_focal(logits: Tensor, target: Tensor, gamma: float) -> Tensor:
    """Sum over the classes of the binary focal losses of each sample.

    With ``a_c`` the logit of the wrong answer (``-z_y`` for the true class, ``z_c`` for the others) the
    probability of being wrong is ``sigmoid(a)``, so ``(1 - p_t)^gamma * BCE`` is
    ``sigmoid(a)^gamma * softplus(a)``: no exponential that could overflow.

    Args:
        logits: ``(N, K)``.
        target: ``(N,)`` int64.
        gamma: focusing, >= 0; 0 gives the summed binary cross entropy.

    Returns:
        ``(N,)``.
    """
    wrong = logits * torch.ones_like(logits).scatter_(1, target.unsqueeze(1), -1.0)
    entropy = F.softplus(wrong)
    return (entropy if gamma == 0 else power(wrong.sigmoid(), gamma) * entropy).sum(dim=1)


def rare_class_bias(num_classes: int) -> float:
    """Bias ``-log(K - 1)``: each of K sigmoids then starts at probability 1/K (Cui et al. 2019)."""
    return -math.log(num_classes - 1)


class SigmoidFocalLoss(ClassCountLoss):
    r"""Sigmoid focal loss ``l = sum_c (1 - p_t,c)^gamma * BCE(z_c, [c = y])``, weighted by the true class.

    ``gamma=0`` is the binary cross entropy summed over the classes. The head's bias should start at
    ``-log(K - 1)`` and be left out of the weight decay.

    Args:
        class_counts: training samples per class, ``(K,)``.
        gamma: focusing, >= 0; .5, 1 or 2 in Cui et al. 2019.
        weights: see `ClassCountLoss`.
        beta: see `ClassCountLoss`.
        reduction: see `ClassCountLoss`; Cui et al. 2019 use ``mean``.

    Raises:
        InputError: negative gamma, or as `ClassCountLoss`.

    Source:
        Lin et al. 2017 (arXiv 1708.02002), eq. 4; Cui et al. 2019 (arXiv 1901.05555), sec. 4.3;
        richardaecn/class-balanced-loss: src/cifar_main.py.
    """

    def __init__(
        self,
        class_counts: Sequence[int] | Tensor,
        *,
        gamma: float = 2.0,
        weights: str | Sequence[float] = "none",
        beta: float = 0.9999,
        reduction: str = "mean",
    ) -> None:
        super().__init__(class_counts, weights=weights, beta=beta, reduction=reduction)
        self._gamma = checked_number("gamma", gamma, 0)

    def head_bias(self) -> float:
        """``-log(K - 1)``."""
        return rare_class_bias(self.num_classes)

    def per_sample(self, logits: Tensor, target: Tensor) -> Tensor:
        """Sigmoid focal loss of each sample, ``(N,)``."""
        return sigmoid_focal(logits, target, self._gamma)
