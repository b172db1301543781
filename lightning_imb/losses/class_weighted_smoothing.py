"""Label smoothing whose smoothed mass is weighted by the class that it falls on."""

from collections.abc import Sequence

from torch import Tensor

from lightning_imb.losses.base import ClassCountLoss
from lightning_imb.losses.checks import checked_number
from lightning_imb.losses.label_smoothing import smoothed
from lightning_imb.losses.targets import as_shares


class ClassWeightedSmoothingLoss(ClassCountLoss):
    r"""Cross entropy of smoothed labels with a weight on each class's own term.

    ``l = (1 - eps) w_y (-log p_y) + eps / K * sum_c w_c (-log p_c)``, over the sum of ``w_y`` (``weighted_mean``)
    or the batch size (``mean``). This is what ``torch.nn.CrossEntropyLoss(weight=w, label_smoothing=eps)`` computes.
    `LabelSmoothingLoss` with weights multiplies the whole loss of a sample by ``w_y`` instead, so that a rare class
    gets no more of the smoothed mass than a frequent one. Equal weights make the two one; ``eps=0`` is weighted
    cross entropy.

    Args:
        class_counts: training samples per class, ``(K,)``.
        eps: smoothing rate, 0..1.
        weights: see `ClassCountLoss`.
        beta: see `ClassCountLoss`.
        reduction: see `ClassCountLoss`.

    Raises:
        InputError: eps outside 0..1, or as `ClassCountLoss`.

    Source:
        `torch.nn.CrossEntropyLoss`; smoothing of Szegedy et al. 2016 (arXiv 1512.00567).
    """

    def __init__(
        self,
        class_counts: Sequence[int] | Tensor,
        *,
        eps: float = 0.1,
        weights: str | Sequence[float] = "inverse",
        beta: float = 0.9999,
        reduction: str = "weighted_mean",
    ) -> None:
        super().__init__(class_counts, weights=weights, beta=beta, reduction=reduction)
        self._eps = checked_number("eps", eps, 0, 1)

    def per_sample(self, logits: Tensor, target: Tensor) -> Tensor:
        """Smoothed cross entropy of each sample without weights, ``(N,)``."""
        return smoothed(logits, target, self._eps)

    def _value(self, logits: Tensor, target: Tensor) -> Tensor:
        weight, shares = self.class_weight.to(logits.dtype), as_shares(logits, target)
        terms = -weight * logits.log_softmax(dim=1)
        losses = (1 - self._eps) * (shares * terms).sum(dim=1) + self._eps * terms.mean(dim=1)
        mass = (shares * weight).sum(dim=1)
        if self._reduction == "weighted_mean":  # nothing to divide by, though the smoothed mass falls on other classes
            losses = losses.where(mass.sum() > 0, 0)
        return self._reduced(losses.sum(), mass)
