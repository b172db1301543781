"""Loss of SADE: three experts, each for test classes of another distribution."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from lightning_imb.losses.checks import checked_counts, checked_number
from lightning_imb.losses.cross_entropy import surprise
from lightning_imb.losses.experts import ExpertLoss


class SADELoss(ExpertLoss):
    r"""``CE(z_1) + CE(z_2 + log pi) + CE(z_3 + log pi - tau * log pi_inv)``: cross entropy of three experts.

    The first learns the long tail as it is, the second uniform classes (balanced softmax), the third the opposite of
    the tail: ``pi_inv`` gives the rarest class the share of the most frequent one, and so on by rank. Classes of equal
    size have no order; each gets the mean of what they would be given, where the released code lets their place
    decide. Balanced counts give three times cross entropy.

    The model predicts by the mean of the experts. Weighing them by their stability on unlabelled test images, which
    the paper does for unknown test distributions, is not built.

    Args:
        class_counts: training samples per class, ``(K,)``.
        tau: strength of the third expert's inversion, >= 0.
        weights: see `ClassCountLoss`.
        beta: see `ClassCountLoss`.
        reduction: see `ClassCountLoss`; of each of the three.

    Raises:
        InputError: negative tau, another number of experts than 3, or as `ClassCountLoss`.

    Source:
        Zhang et al. 2022, "Self-supervised aggregation of diverse experts for test-agnostic long-tailed recognition"
        (arXiv 2107.09249), eq. 1 to 3; Vanint/SADE-AgnosticLT: model/loss.py.
    """

    number: ClassVar[int | None] = 3

    shifts: Tensor

    def __init__(
        self,
        class_counts: Sequence[int] | Tensor,
        *,
        tau: float = 2.0,
        weights: str | Sequence[float] = "none",
        beta: float = 0.9999,
        reduction: str = "weighted_mean",
    ) -> None:
        super().__init__(class_counts, weights=weights, beta=beta, reduction=reduction)
        self._tau = checked_number("tau", tau, 0)
        self.register_buffer("shifts", self._shifts(self.class_counts), persistent=False)

    def weigh_for(self, class_counts: Sequence[int] | Tensor) -> None:
        """Shift for other samples too: the prior is that of the samples that reach the loss."""
        super().weigh_for(class_counts)
        self.shifts = self._shifts(checked_counts(class_counts)).to(self.shifts.device)

    def prior_left(self, class_counts: Sequence[int] | Tensor) -> Tensor:
        """Of the mean over the experts, each of which leaves another prior."""
        return (super().prior_left(class_counts) - self.shifts.cpu().to(torch.float64)).mean(dim=0)

    def _shifts(self, counts: Tensor) -> Tensor:
        """What is added to the logits of the three experts, ``(3, K)``."""
        prior = counts.to(torch.float64) / counts.sum()
        third = prior.log() - self._tau * _inverted(prior).log()
        return torch.stack([torch.zeros_like(prior), prior.log(), third]).to(torch.float32)

    def per_sample(self, logits: Tensor, target: Tensor) -> Tensor:
        """Sum of the three cross entropies of each sample, ``(N,)``, of logits ``(N, 3, K)`` or ``(N, K)``."""
        experts = logits if logits.ndim == 3 else logits.unsqueeze(1)
        shifted = experts + self.shifts.to(logits.dtype)
        return torch.stack([surprise(z, target) for z in shifted.unbind(1)]).sum(dim=0)


def _inverted(prior: Tensor) -> Tensor:
    """The shares in the opposite order of rank, ``(K,)``; equal ones share alike."""
    inverse = torch.empty_like(prior)
    inverse[prior.argsort()] = prior.sort(descending=True).values
    group: Tensor  # torch leaves the types of unique open
    _, group, size = torch.unique(prior, return_inverse=True, return_counts=True)
    mean: Tensor = prior.new_zeros(len(size)).index_add(0, group, inverse) / size
    return mean.index_select(0, group)
