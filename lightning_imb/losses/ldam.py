"""Label-distribution-aware margin loss."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from lightning_imb.losses.base import ClassCountLoss
from lightning_imb.losses.checks import checked_number, checked_positive
from lightning_imb.losses.cross_entropy import surprise


class LDAMLoss(ClassCountLoss):
    r"""LDAM: cross entropy with a larger margin for rarer classes, ``m_c = max_m * (n_min / n_c)^(1/4)``.

    **The logits given to this loss are already scaled cosines** ``z = s * cos``, as the cosine head
    returns them. The paper writes ``CE(s * (cos - m_y 1_y))``; this is the same number written
    ``CE(z - s * m_y 1_y)``. The head multiplies by s so that evaluation reads a usable softmax; ``scale``
    here must equal the head's. Without a cosine head the margins mean nothing and training diverges.

    Balanced counts do not give cross entropy: every class keeps the margin ``max_m``. ``max_m=0`` does.

    Args:
        class_counts: training samples per class, ``(K,)``.
        max_m: margin of the rarest class, >= 0, in units of the cosine.
        scale: s of the cosine head, > 0.
        weights: see `ClassCountLoss`.
        beta: see `ClassCountLoss`.
        reduction: see `ClassCountLoss`.

    Raises:
        InputError: negative margin, scale not above 0, or as `ClassCountLoss`.

    Source:
        Cao et al. 2019 (arXiv 1906.07413), sec. 3.2 and appendix B; kaidic/LDAM-DRW: losses.py.
    """

    required_head: ClassVar[str | None] = "cosine"

    margins: Tensor

    def __init__(
        self,
        class_counts: Sequence[int] | Tensor,
        *,
        max_m: float = 0.5,
        scale: float = 30.0,
        weights: str | Sequence[float] = "none",
        beta: float = 0.9999,
        reduction: str = "weighted_mean",
    ) -> None:
        super().__init__(class_counts, weights=weights, beta=beta, reduction=reduction)
        self._scale = checked_positive("scale", scale)
        counts = self.class_counts.to(torch.float64)
        margins = checked_number("max_m", max_m, 0) * (counts.min() / counts).pow(0.25)
        self.register_buffer("margins", margins.to(torch.float32), persistent=False)

    @property
    def required_scale(self) -> float | None:
        """The scale s that the margins are multiplied by."""
        return self._scale

    def per_sample(self, logits: Tensor, target: Tensor) -> Tensor:
        """Cross entropy of each sample after its true class gave up its margin, ``(N,)``."""
        handicap = self._scale * self.margins.to(logits.dtype).index_select(0, target)
        return surprise(logits.scatter_add(1, target.unsqueeze(1), -handicap.unsqueeze(1)), target)
