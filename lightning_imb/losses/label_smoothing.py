"""Label smoothing, also by negative rates and by one rate per class."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lightning_imb.losses.base import ClassCountLoss
from lightning_imb.losses.checks import checked_number
from lightning_imb.losses.cross_entropy import surprise
from lightning_imb.utils.checked import epoch_of, start_of
from lightning_imb.utils.errors import InputError


def smoothed(logits: Tensor, target: Tensor, eps: float | Tensor) -> Tensor:
    """``(1 - eps) * (-log p_y) + eps * mean_c(-log p_c)`` of each sample.

    Args:
        logits: ``(N, K)``.
        target: ``(N,)`` int64.
        eps: a rate for all, or ``(N,)``.

    Returns:
        ``(N,)``.
    """
    everywhere = -logits.log_softmax(dim=1).mean(dim=1)
    return (1 - eps) * surprise(logits, target) + eps * everywhere


class LabelSmoothingLoss(ClassCountLoss):
    r"""Generalised label smoothing: cross entropy against ``(1 - eps) 1_y + eps / K``, with eps from -inf to 1.

    ``eps > 0`` is the usual smoothing, 0 cross entropy. ``eps < 0`` makes the labels sharper than one-hot, against
    noisy labels; then the loss falls below 0 and has no lower bound, so it wants a start from cross entropy, weight
    decay and a moderate learning rate. The gradient of a sample stays within ``2 (1 + |eps|)`` for every logit.

    Args:
        class_counts: training samples per class, ``(K,)``.
        eps: smoothing rate, -inf..1, or a list of one per class, read by the label; the papers have .1 (Szegedy et
            al.) and .8 down to -8 (Wei et al.).
        start: first smoothed epoch, plain cross entropy before; an integer is an epoch, 0-based, a float in 0..1 a
            share of the epochs. Wei et al. begin negative rates from a network trained with cross entropy. Of
            phase 1: in phase 3 labels are smoothed all along.
        weights: see `ClassCountLoss`.
        beta: see `ClassCountLoss`.
        reduction: see `ClassCountLoss`.

    Raises:
        InputError: eps above 1 or not one per class, an unusable start, or as `ClassCountLoss`.

    Source:
        Szegedy et al. 2016, "Rethinking the inception architecture" (arXiv 1512.00567); Wei et al. 2022,
        "To smooth or not? When label smoothing meets noisy labels" (arXiv 2106.04149).
    """

    eps: Tensor

    def __init__(
        self,
        class_counts: Sequence[int] | Tensor,
        *,
        eps: float | Sequence[float] = 0.1,
        start: int | float = 0,
        weights: str | Sequence[float] = "none",
        beta: float = 0.9999,
        reduction: str = "weighted_mean",
    ) -> None:
        super().__init__(class_counts, weights=weights, beta=beta, reduction=reduction)
        self.register_buffer("eps", _rates(eps, self.num_classes).to(torch.float32), persistent=False)
        epoch_of("start", start, 1)  # an unusable start is an error now, not in the first epoch
        self._start = start
        self._started = True

    def begin_epoch(self, epoch: int, epochs: int) -> None:
        """Switch from cross entropy to smoothed labels at ``start``."""
        self._started = epoch >= start_of("loss.start", self._start, epochs)

    def per_sample(self, logits: Tensor, target: Tensor) -> Tensor:
        """Smoothed cross entropy of each sample, ``(N,)``."""
        if not self._started:
            return surprise(logits, target)
        return smoothed(logits, target, self.eps.to(logits.dtype).index_select(0, target))


def _rates(eps: float | Sequence[float], num_classes: int) -> Tensor:
    """A smoothing rate for each class, ``(K,)`` float64."""
    each: Sequence[Any] = eps if isinstance(eps, list | tuple) else [eps] * num_classes
    if len(each) != num_classes:
        raise InputError(f"eps is {eps!r}, {len(each)} rates for {num_classes} classes; give one number, or one each")
    return torch.tensor([checked_number("eps", rate, -torch.inf, 1) for rate in each], dtype=torch.float64)
