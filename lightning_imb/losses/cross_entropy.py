"""Cross entropy with optional class weights."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from lightning_imb.losses.base import ClassCountLoss


def surprise(logits: Tensor, target: Tensor) -> Tensor:
    """``-log softmax(z)_y``, ``(N, K)`` logits and ``(N,)`` labels to ``(N,)``, each >= 0.

    A label of -100 is passed over here, as torch does; the losses refuse it when they look up its class weight.
    """
    # torch leaves out labels of -100 by default; here each label that is no class is an error
    return F.cross_entropy(logits, target, reduction="none", ignore_index=-(2**31))


class CrossEntropyLoss(ClassCountLoss):
    """Softmax cross entropy ``l = -log p_y``.

    Balanced counts give every kind of weights the value 1, hence plain cross entropy.

    Args:
        class_counts: training samples per class, ``(K,)``.
        weights: see `ClassCountLoss`.
        beta: see `ClassCountLoss`.
        reduction: see `ClassCountLoss`.

    Source:
        `torch.nn.CrossEntropyLoss`; weights of Cui et al. 2019 (arXiv 1901.05555), as used by
        Cao et al. 2019 (arXiv 1906.07413).
    """

    def __init__(
        self,
        class_counts: Sequence[int] | Tensor,
        *,
        weights: str | Sequence[float] = "none",
        beta: float = 0.9999,
        reduction: str = "weighted_mean",
    ) -> None:
        super().__init__(class_counts, weights=weights, beta=beta, reduction=reduction)

    def per_sample(self, logits: Tensor, target: Tensor) -> Tensor:
        """Cross entropy of each sample, ``(N,)``."""
        return surprise(logits, target)
