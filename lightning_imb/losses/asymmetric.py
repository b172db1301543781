"""Asymmetric loss for one label per sample."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lightning_imb.losses.base import ClassCountLoss
from lightning_imb.losses.checks import checked_number
from lightning_imb.losses.focal import power


class AsymmetricLoss(ClassCountLoss):
    r"""Single-label ASL: label smoothing whose wrong-class terms are focused harder than the true one.

    ``l = -sum_c t_c v_c log p_c`` with ``t = (1 - eps) 1_y + eps / K``, ``v_y = (1 - p_y)^gamma_pos`` and
    ``v_c = p_c^gamma_neg`` for the others. With ``eps=0`` the wrong-class terms vanish: ``gamma_pos=0``
    is then cross entropy and ``gamma_pos=gamma`` softmax focal, whatever ``gamma_neg``.

    Args:
        class_counts: training samples per class, ``(K,)``.
        gamma_pos: focusing of the true class, >= 0.
        gamma_neg: focusing of the other classes, >= 0.
        eps: label smoothing, 0..1.
        weights: see `ClassCountLoss`.
        beta: see `ClassCountLoss`.
        reduction: see `ClassCountLoss`.

    Raises:
        InputError: negative focusing, eps outside 0..1, or as `ClassCountLoss`.

    Source:
        Ridnik et al. 2021, "Asymmetric loss for multi-label classification" (arXiv 2009.14119);
        Alibaba-MIIL/ASL: src/loss_functions/losses.py (ASLSingleLabel).
    """

    def __init__(
        self,
        class_counts: Sequence[int] | Tensor,
        *,
        gamma_pos: float = 0.0,
        gamma_neg: float = 4.0,
        eps: float = 0.1,
        weights: str | Sequence[float] = "none",
        beta: float = 0.9999,
        reduction: str = "weighted_mean",
    ) -> None:
        super().__init__(class_counts, weights=weights, beta=beta, reduction=reduction)
        self._gamma_pos = checked_number("gamma_pos", gamma_pos, 0)
        self._gamma_neg = checked_number("gamma_neg", gamma_neg, 0)
        self._eps = checked_number("eps", eps, 0, 1)

    def per_sample(self, logits: Tensor, target: Tensor) -> Tensor:
        """Asymmetric loss of each sample, ``(N,)``."""
        log_p = logits.log_softmax(dim=1)
        true = log_p.gather(1, target.unsqueeze(1)).squeeze(1)
        toward = power(-torch.expm1(true), self._gamma_pos) * true
        if self._eps == 0:
            return -toward
        share = self._eps / self.num_classes
        others = self._focused(log_p).sum(dim=1) - self._focused(true)
        return -(1 - self._eps + share) * toward - share * others

    def _focused(self, log_p: Tensor) -> Tensor:
        """What a class adds where it is wrong, before its share."""
        return (self._gamma_neg * log_p).exp() * log_p
