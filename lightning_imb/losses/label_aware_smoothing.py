"""Label-aware smoothing: the larger a class, the softer its labels."""

import logging
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from lightning_imb.losses.base import ClassCountLoss
from lightning_imb.losses.checks import checked_choice, checked_number, checked_positive
from lightning_imb.losses.label_smoothing import smoothed

logger = logging.getLogger(__name__)

SHAPES = ("concave", "linear", "convex", "exp")


class LabelAwareSmoothingLoss(ClassCountLoss):
    r"""Label smoothing with a rate per class: ``(1 - eps_y) (-log p_y) + eps_y * mean_c(-log p_c)``.

    The rate rises with ``u_c = (n_c - n_min) / (n_max - n_min)`` from ``eps_tail`` to ``eps_head``, d apart:
    ``concave`` ``eps_tail + d sin(pi u / 2)``, ``linear`` ``eps_tail + d u``, ``convex``
    ``eps_head + d sin(3 pi / 2 + pi u / 2)``, ``exp`` ``eps_tail + d u^power``. Balanced counts have no u: every
    class gets ``eps_head``, told by a warning. Both rates 0 are cross entropy.

    Args:
        class_counts: training samples per class, ``(K,)``.
        eps_head: rate of the largest class, 0..1; .1 to .4 in the paper.
        eps_tail: rate of the smallest class, 0..``eps_head``; 0 or .1 in the paper.
        shape: ``concave``, ``linear``, ``convex`` or ``exp``.
        power: exponent of ``exp``, > 0; read by no other shape.
        weights: see `ClassCountLoss`.
        beta: see `ClassCountLoss`.
        reduction: see `ClassCountLoss`.

    Raises:
        InputError: rates outside their ranges, unknown shape, power not above 0, or as `ClassCountLoss`.

    Source:
        Zhong et al. 2021, "Improving calibration for long-tailed recognition" (arXiv 2104.00466);
        dvlab-research/MiSLAS: methods.py.
    """

    eps: Tensor

    def __init__(
        self,
        class_counts: Sequence[int] | Tensor,
        *,
        eps_head: float = 0.3,
        eps_tail: float = 0.0,
        shape: str = "concave",
        power: float = 2.0,
        weights: str | Sequence[float] = "none",
        beta: float = 0.9999,
        reduction: str = "weighted_mean",
    ) -> None:
        super().__init__(class_counts, weights=weights, beta=beta, reduction=reduction)
        head = checked_number("eps_head", eps_head, 0, 1)
        tail = checked_number("eps_tail", eps_tail, 0, head)
        checked_choice("shape", shape, SHAPES)
        rise = _rise(_size(self.class_counts), shape, checked_positive("power", power))
        self.register_buffer("eps", (tail + (head - tail) * rise).to(torch.float32), persistent=False)

    def per_sample(self, logits: Tensor, target: Tensor) -> Tensor:
        """Smoothed cross entropy of each sample, ``(N,)``."""
        return smoothed(logits, target, self.eps.to(logits.dtype).index_select(0, target))


def _size(class_counts: Tensor) -> Tensor:
    """0 for the smallest class to 1 for the largest, ``(K,)`` float64; ones for balanced counts."""
    counts = class_counts.to(torch.float64)
    spread = counts.max() - counts.min()
    if spread == 0:
        logger.warning("all classes have %d samples, so each one's labels are smoothed by eps_head", int(counts[0]))
        return torch.ones_like(counts)
    return (counts - counts.min()) / spread


def _rise(size: Tensor, shape: str, power: float) -> Tensor:
    """Way from ``eps_tail`` (0) to ``eps_head`` (1) at these sizes."""
    if shape == "concave":
        return (size * math.pi / 2).sin()
    if shape == "convex":
        return 1 - (size * math.pi / 2).cos()  # sin(3 pi / 2 + x) is -cos(x)
    return size if shape == "linear" else size.pow(power)
