"""Seesaw loss: frequent classes push rare ones less, and more again where they are mistaken for each other."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, distributed

from lightning_imb.losses.base import ClassCountLoss
from lightning_imb.losses.checks import checked_choice, checked_number
from lightning_imb.losses.cross_entropy import surprise
from lightning_imb.losses.targets import as_shares

COUNTS = ("online", "dataset")
LEAST_P = 0.01
"""Floor of the true class's probability in the compensation factor, as released."""


class SeesawLoss(ClassCountLoss):
    r"""Cross entropy of ``z_j + log(M_yj * S_yj)`` for every wrong class j.

    The mitigation ``M_yj = min(1, N_j / N_y)^p`` spares classes rarer than the sample's own; the compensation
    ``S_yj = max(1, p_j / p_y)^q`` takes that back where the sample is mistaken for j. S is a constant of the
    gradient, ``p_y`` at least .01 in it. ``p=q=0`` is cross entropy.

    ``N`` are the samples that training has seen so far, this batch included, each at least 1; they are the loss's
    `state`, kept in checkpoints, and summed over all processes under DDP. Batches count in training mode only. A
    second pass over a batch (sharpness-aware minimisation) counts it twice, which leaves the quotients as they are.

    Args:
        class_counts: training samples per class, ``(K,)``.
        p: exponent of the mitigation, >= 0.
        q: exponent of the compensation, >= 0.
        counts: ``online`` counts the labels of the batches, as in the paper; ``dataset`` takes ``class_counts``.
        weights: see `ClassCountLoss`.
        beta: see `ClassCountLoss`.
        reduction: see `ClassCountLoss`.

    Raises:
        InputError: negative p or q, unknown counts, or as `ClassCountLoss`.

    Source:
        Wang et al. 2021, "Seesaw loss for long-tailed instance segmentation" (arXiv 2008.10032);
        open-mmlab/mmpretrain: mmpretrain/models/losses/seesaw_loss.py.
    """

    seen: Tensor

    def __init__(
        self,
        class_counts: Sequence[int] | Tensor,
        *,
        p: float = 0.8,
        q: float = 2.0,
        counts: str = "online",
        weights: str | Sequence[float] = "none",
        beta: float = 0.9999,
        reduction: str = "weighted_mean",
    ) -> None:
        super().__init__(class_counts, weights=weights, beta=beta, reduction=reduction)
        self._p = checked_number("p", p, 0)
        self._q = checked_number("q", q, 0)
        self._online = checked_choice("counts", counts, COUNTS) == "online"
        self.register_buffer("seen", torch.zeros(self.num_classes), persistent=False)

    def state(self) -> dict[str, Tensor]:
        """Samples of each class that training has seen, ``(K,)``; nothing where the counts come with the data."""
        return {"seen": self.seen} if self._online else {}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Go on counting from a `state`."""
        if self._online:
            self.seen = state["seen"].to(self.seen)

    def per_sample(self, logits: Tensor, target: Tensor) -> Tensor:
        """Seesaw loss of each sample, ``(N,)``, by the samples seen so far."""
        return surprise(logits + self._log_factors(logits.detach(), target), target)

    def _value(self, logits: Tensor, target: Tensor) -> Tensor:
        if self._online and self.training:
            # a mixed sample counts by its shares
            self.seen = self.seen + _over_processes(as_shares(logits.detach(), target).sum(dim=0).to(self.seen))
        return super()._value(logits, target)

    def _log_factors(self, logits: Tensor, target: Tensor) -> Tensor:
        """``log(M * S)``, ``(N, K)``; both factors of the true class are 1 by themselves."""
        log_p = logits.log_softmax(dim=1)
        own = log_p.gather(1, target.unsqueeze(1)).clamp_min(math.log(LEAST_P))
        number = (self.seen.clamp_min(1) if self._online else self.class_counts).to(logits.dtype).log()
        mitigation = (number - number.index_select(0, target).unsqueeze(1)).clamp_max(0)
        return self._p * mitigation + self._q * (log_p - own).clamp_min(0)


def _over_processes(counts: Tensor) -> Tensor:
    """Sum over the processes that train together."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.all_reduce(counts)
    return counts
