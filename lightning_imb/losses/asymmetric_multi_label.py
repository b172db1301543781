"""Asymmetric loss on K independent sigmoids."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_imb.losses.base import ClassCountLoss
from lightning_imb.losses.checks import checked_number
from lightning_imb.losses.focal import power
from lightning_imb.losses.targets import as_shares
from lightning_imb.utils.checked import checked_flag


class MultiLabelAsymmetricLoss(ClassCountLoss):
    r"""Multi-label ASL: binary cross entropies that are focused harder where a class is absent.

    ``l = -sum_c [ t_c (1 - p_c)^gamma_pos log p_c + (1 - t_c) q_c^gamma_neg log(1 - q_c) ]`` with
    ``p = sigmoid(z)`` and ``q = max(p - clip, 0)``, so that easy absent classes cost nothing. The target is
    ``(N,)`` labels, read as one-hot rows, or ``(N, K)`` floating rows with any number of ones: multi-hot, or the
    shares of mixed labels. A row weighs the mean weight of its classes, 1 where it has none.
    ``gamma_pos=gamma_neg=clip=0`` is the binary cross entropy, summed over the classes.

    The released code sums over the batch as well: its value is N times the one here.

    Args:
        class_counts: training samples per class, ``(K,)``.
        gamma_pos: focusing of present classes, >= 0.
        gamma_neg: focusing of absent classes, >= 0.
        clip: probability up to which an absent class costs nothing, 0..1.
        detach: whether the focusing factors are constants of the gradient: the default of the released
            ``AsymmetricLoss``; the paper derives its gradient through them.
        weights: see `ClassCountLoss`.
        beta: see `ClassCountLoss`.
        reduction: see `ClassCountLoss`.

    Raises:
        InputError: negative focusing, clip outside 0..1, or as `ClassCountLoss`.

    Source:
        Ridnik et al. 2021, "Asymmetric loss for multi-label classification" (arXiv 2009.14119), eq. 4 to 7;
        Alibaba-MIIL/ASL: src/loss_functions/losses.py.
    """

    def __init__(
        self,
        class_counts: Sequence[int] | Tensor,
        *,
        gamma_pos: float = 1.0,
        gamma_neg: float = 4.0,
        clip: float = 0.05,
        detach: bool = False,
        weights: str | Sequence[float] = "none",
        beta: float = 0.9999,
        reduction: str = "weighted_mean",
    ) -> None:
        super().__init__(class_counts, weights=weights, beta=beta, reduction=reduction)
        self._gamma_pos = checked_number("gamma_pos", gamma_pos, 0)
        self._gamma_neg = checked_number("gamma_neg", gamma_neg, 0)
        self._clip = checked_number("clip", clip, 0, 1)
        self._detach = checked_flag("detach", detach)

    def per_sample(self, logits: Tensor, target: Tensor) -> Tensor:
        """Asymmetric loss of each sample that has one label, ``(N,)``."""
        return self._rows(logits, as_shares(logits, target))

    def _value(self, logits: Tensor, target: Tensor) -> Tensor:
        present = as_shares(logits, target)
        labels = present.sum(dim=1)
        weight = (present * self.class_weight.to(logits.dtype)).sum(dim=1) / labels
        mass = torch.where(labels == 0, 1.0, weight)
        return self._reduced((mass * self._rows(logits, present)).sum(), mass)

    def _rows(self, logits: Tensor, present: Tensor) -> Tensor:
        """Loss of rows ``(N, K)`` of ones and zeros, or shares between, ``(N,)``."""
        here = self._factor(torch.sigmoid(-logits), self._gamma_pos) * F.logsigmoid(logits)
        gone = self._factor((logits.sigmoid() - self._clip).clamp_min(0), self._gamma_neg) * self._log_absent(logits)
        return -(present * here + (1 - present) * gone).sum(dim=1)

    def _factor(self, wrong: Tensor, gamma: float) -> Tensor:
        factor = power(wrong, gamma)
        return factor.detach() if self._detach else factor

    def _log_absent(self, logits: Tensor) -> Tensor:
        """``log(1 - max(p - clip, 0))``, finite for every logit."""
        if self._clip == 0:
            return F.logsigmoid(-logits)
        return (torch.sigmoid(-logits) + self._clip).clamp_max(1).log()
