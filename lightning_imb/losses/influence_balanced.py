"""Influence-balanced loss: samples that pull hard at the decision border count less."""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from lightning_imb.losses.base import ClassCountLoss
from lightning_imb.losses.checks import checked_positive
from lightning_imb.losses.cross_entropy import CrossEntropyLoss, surprise
from lightning_imb.utils.checked import checked_flag, epoch_of, start_of


class InfluenceBalancedLoss(ClassCountLoss):
    r"""Cross entropy over the influence of its sample: ``l = alpha * CE / (|p - 1_y|_1 * |h|_1 + eps)``.

    ``h`` is the embedding that the head reads, so that the denominator is the size of the sample's gradient at
    the head. Until epoch ``start`` it is plain cross entropy whose classes weigh alike. Logits without embedding
    (`forward`) count as ``|h|_1 = 1``: the influence on the head's bias.

    Args:
        class_counts: training samples per class, ``(K,)``.
        alpha: factor, > 0, against the smallness of the quotient; 1000 in the paper's CIFAR runs.
        eps: > 0, against division by 0.
        start: first epoch of the influence; an integer is an epoch, 0-based, a float in 0..1 a share of the epochs
            (100 of 200 in the paper). Of phase 1: in phase 3 it has begun.
        detach: whether the factor is a constant of the gradient; the released code lets the gradient pass.
        weights: see `ClassCountLoss`; the paper has ``inverse``.
        beta: see `ClassCountLoss`.
        reduction: see `ClassCountLoss`; the paper divides by the batch size, ``mean``.

    Raises:
        InputError: alpha or eps not above 0, an unusable start, or as `ClassCountLoss`.

    Source:
        Park et al. 2021, "Influence-balanced loss for imbalanced visual classification" (arXiv 2110.02444);
        pseulki/IB-Loss: losses.py.
    """

    def __init__(
        self,
        class_counts: Sequence[int] | Tensor,
        *,
        alpha: float = 1000.0,
        eps: float = 0.001,
        start: int | float = 0.5,
        detach: bool = False,
        weights: str | Sequence[float] = "inverse",
        beta: float = 0.9999,
        reduction: str = "mean",
    ) -> None:
        super().__init__(class_counts, weights=weights, beta=beta, reduction=reduction)
        self._alpha = checked_positive("alpha", alpha)
        self._eps = checked_positive("eps", eps)
        epoch_of("start", start, 1)  # an unusable start is an error now, not in the first epoch
        self._start = start
        self._detach = checked_flag("detach", detach)
        self._started = True
        self._plain = CrossEntropyLoss(self.class_counts)

    @property
    def acting_weight(self) -> Tensor:
        """See `ClassCountLoss`; ones before ``start``."""
        return self.class_weight if self._started else torch.ones_like(self.class_weight)

    def begin_epoch(self, epoch: int, epochs: int) -> None:
        """Switch from cross entropy to the influence at ``start``."""
        self._started = epoch >= start_of("loss.start", self._start, epochs)

    def from_embeddings(self, head: nn.Module, z: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Loss of a batch by its embeddings ``(N, D)``, and its logits ``(N, K)``."""
        logits: Tensor = head(z)
        if not self._started:
            return self._plain(logits, target), logits
        balanced = partial(self._balanced, size=z.abs().sum(dim=1))
        return self._mixture(self._checked(logits, target), target, balanced), logits

    def per_sample(self, logits: Tensor, target: Tensor) -> Tensor:
        """Influence-balanced loss of each sample whose embedding has the size one, ``(N,)``."""
        return self._balanced(logits, target, torch.ones_like(logits[:, 0]))

    def _value(self, logits: Tensor, target: Tensor) -> Tensor:
        if not self._started:
            value: Tensor = self._plain(logits, target)
            return value
        return super()._value(logits, target)

    def _balanced(self, logits: Tensor, target: Tensor, size: Tensor) -> Tensor:
        entropy = surprise(logits, target)
        influence = -2 * torch.expm1(-entropy) * size  # |p - 1_y|_1 is 2 (1 - p_y)
        factor = self._alpha / (influence + self._eps)
        return entropy * (factor.detach() if self._detach else factor)
