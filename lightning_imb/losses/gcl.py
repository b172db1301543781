"""Gaussian clouded logits: rarer classes train under larger noise on their cosines."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from lightning_imb.losses.checks import checked_number, checked_positive
from lightning_imb.losses.cross_entropy import surprise
from lightning_imb.losses.noisy import NoisyLoss

STD = 1 / 3  # cut off at 1, three standard deviations


class GCLLoss(NoisyLoss):
    r"""Cross entropy of cosines lowered by noise: ``CE(s * (cos_c - noise * |e_ic| * d_c - m * [c = y]))``.

    ``e`` is normal with standard deviation 1/3, cut off at -1 and 1, drawn anew for each sample and class;
    ``d_c = log(n_max / n_c) / log(n_max / n_min)`` is 0 for the largest and 1 for the smallest class, and 0 for all
    where counts are balanced. ``noise=0`` and ``max_m=0`` give cross entropy.

    **The logits given to this loss are already scaled cosines** ``z = s * cos``, as the cosine head returns them;
    ``scale`` must equal the head's. This is the first stage of the paper; its second trains the classifier anew on
    balanced batches.

    Args:
        class_counts: training samples per class, ``(K,)``.
        noise: largest noise of the smallest class, >= 0, in units of the cosine.
        max_m: margin of the true class, the same for every class, >= 0, in units of the cosine.
        scale: s of the cosine head, > 0.
        weights: see `ClassCountLoss`.
        beta: see `ClassCountLoss`.
        reduction: see `ClassCountLoss`.

    Raises:
        InputError: negative noise or margin, scale not above 0, or as `ClassCountLoss`.

    Source:
        Li et al. 2022, "Long-tailed visual recognition via Gaussian clouded logit adjustment" (arXiv 2305.11733);
        Keke921/GCLLoss: losses.py.
    """

    required_head: ClassVar[str | None] = "cosine"

    cloud: Tensor

    def __init__(
        self,
        class_counts: Sequence[int] | Tensor,
        *,
        noise: float = 0.5,
        max_m: float = 0.0,
        scale: float = 30.0,
        weights: str | Sequence[float] = "none",
        beta: float = 0.9999,
        reduction: str = "weighted_mean",
    ) -> None:
        super().__init__(class_counts, weights=weights, beta=beta, reduction=reduction)
        self._scale = checked_positive("scale", scale)
        self._margin = checked_number("max_m", max_m, 0) * self._scale
        size = checked_number("noise", noise, 0) * self._scale * _rarity(self.class_counts)
        self.register_buffer("cloud", size.to(torch.float32), persistent=False)

    @property
    def required_scale(self) -> float | None:
        """The scale s that noise and margin are multiplied by."""
        return self._scale

    def draw(self, logits: Tensor) -> Tensor:
        """Sizes of the noise, ``(N, K)``, 0..1."""
        return (STD * torch.randn(logits.shape, device=logits.device)).abs().clamp_max(1)

    def under(self, noise: Tensor, logits: Tensor, target: Tensor) -> Tensor:
        """Cross entropy of each sample's clouded logits, ``(N,)``."""
        clouded = logits - (noise * self.cloud).to(logits.dtype)
        margin = torch.full_like(logits[:, :1], -self._margin)
        return surprise(clouded.scatter_add(1, target.unsqueeze(1), margin), target)


def _rarity(class_counts: Tensor) -> Tensor:
    """0 for the largest class to 1 for the smallest on a log scale, ``(K,)`` float64; zeros for balanced counts."""
    behind = class_counts.to(torch.float64).log()
    behind = behind.max() - behind
    # without the floor 0/0: classes of one size have no cloud
    return behind / behind.max().clamp_min(torch.finfo(behind.dtype).tiny)
