"""Focal loss on the softmax."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lightning_imb.losses.base import ClassCountLoss
from lightning_imb.losses.checks import checked_choice, checked_number
from lightning_imb.losses.cross_entropy import surprise

P_FROM = ("unweighted", "official")


def power(base: Tensor, exponent: float) -> Tensor:
    """``base ** exponent`` for base >= 0, with a finite gradient at 0 also for exponents below 1."""
    return (base.clamp_min(1e-8) if exponent < 1 else base).pow(exponent)


class FocalLoss(ClassCountLoss):
    r"""Softmax focal loss ``l = (1 - p_y)^gamma * (-log p_y)``: easy samples count less.

    ``gamma=0`` is cross entropy. Not the sigmoid form of the class-balanced paper, which is
    `SigmoidFocalLoss`.

    Args:
        class_counts: training samples per class, ``(K,)``.
        gamma: focusing, >= 0; 1 in Cao et al. 2019, 2 in Lin et al. 2017.
        p_from: ``unweighted`` takes ``p_y`` from the softmax; ``official`` takes ``p_y^w_y``, the
            probability that the released LDAM-DRW code recovers from the already weighted cross entropy.
            Without class weights the two are one.
        weights: see `ClassCountLoss`.
        beta: see `ClassCountLoss`.
        reduction: see `ClassCountLoss`; the LDAM-DRW code uses ``mean``.

    Raises:
        InputError: negative gamma, unknown ``p_from``, or as `ClassCountLoss`.

    Source:
        Lin et al. 2017, "Focal loss for dense object detection" (arXiv 1708.02002), eq. 4;
        kaidic/LDAM-DRW: losses.py (Cao et al. 2019, arXiv 1906.07413).
    """

    def __init__(
        self,
        class_counts: Sequence[int] | Tensor,
        *,
        gamma: float = 2.0,
        p_from: str = "unweighted",
        weights: str | Sequence[float] = "none",
        beta: float = 0.9999,
        reduction: str = "mean",
    ) -> None:
        super().__init__(class_counts, weights=weights, beta=beta, reduction=reduction)
        self._gamma = checked_number("gamma", gamma, 0)
        self._p_from = checked_choice("p_from", p_from, P_FROM)

    def per_sample(self, logits: Tensor, target: Tensor) -> Tensor:
        """Focal loss of each sample, ``(N,)``."""
        loss = surprise(logits, target)
        seen = loss
        if self._p_from == "official":
            seen = loss * self.class_weight.to(loss.dtype).index_select(0, target)
        return power(-torch.expm1(-seen), self._gamma) * loss
