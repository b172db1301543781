"""Heads that post-hoc methods make: nothing in them is trained, all of it is kept."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class AdjustedHead(nn.Module, ABC):
    """A head out of fixed numbers: embeddings (N, D) to logits (N, K)."""

    @abstractmethod
    def values(self) -> dict[str, Any]:
        """Tensors and plain values that the constructor makes the same head of; not the trained head inside."""


class FixedLinear(AdjustedHead):
    """``z W^T + b`` with fixed numbers.

    Args:
        weight: W (K, D).
        bias: b (K,).
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight.detach().clone())
        self.register_buffer("bias", bias.detach().clone())

    def forward(self, z: Tensor) -> Tensor:
        """Logits (N, K) of embeddings (N, D)."""
        return F.linear(z, self.weight, self.bias)

    def linear(self) -> tuple[Tensor, Tensor]:
        """Weight (K, D) and bias (K,)."""
        return self.weight, self.bias

    def values(self) -> dict[str, Any]:
        """Weight and bias."""
        return {"weight": self.weight, "bias": self.bias}


class AffineLogits(AdjustedHead):
    """``scale * logits + shift`` of any trained head.

    Args:
        inner: The trained head.
        scale: One number, > 0.
        shift: (K,), added to the scaled logits.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, inner: nn.Module, scale: Tensor, shift: Tensor) -> None:
        super().__init__()
        self.inner = inner
        self.register_buffer("scale", scale.detach().to(torch.float32, copy=True))
        self.register_buffer("shift", shift.detach().to(torch.float32, copy=True))

    def forward(self, z: Tensor) -> Tensor:
        """Logits (N, K) of embeddings (N, D)."""
        logits: Tensor = self.inner(z)
        return logits * self.scale + self.shift

    def values(self) -> dict[str, Any]:
        """Scale and shift."""
        return {"scale": self.scale, "shift": self.shift}


class CentroidHead(AdjustedHead):
    """Minus the squared distance to the centroid of each class, so that the nearest one wins.

    Args:
        centroids: (K, D), of transformed embeddings.
        centre: (D,), subtracted from every embedding.
        normalise: Whether what is left is then brought to length 1.
    """

    centroids: Tensor
    centre: Tensor

    def __init__(self, centroids: Tensor, centre: Tensor, normalise: bool) -> None:
        super().__init__()
        self.normalise = normalise
        self.register_buffer("centroids", centroids.detach().clone())
        self.register_buffer("centre", centre.detach().clone())

    def forward(self, z: Tensor) -> Tensor:
        """Logits (N, K) of embeddings (N, D)."""
        # not |a|^2 + |b|^2 - 2ab, which loses the digits that tell centroids far from the origin apart
        exact = "donot_use_mm_for_euclid_dist"
        return -torch.cdist(transformed(z, self.centre, self.normalise), self.centroids, compute_mode=exact).square()

    def values(self) -> dict[str, Any]:
        """Centroids, centre and whether embeddings are normalised."""
        return {"centroids": self.centroids, "centre": self.centre, "normalise": self.normalise}


def transformed(z: Tensor, centre: Tensor, normalise: bool) -> Tensor:
    """Embeddings (N, D) as distances between them are measured: centred, and of length 1 where ``normalise``."""
    centred = z - centre
    return F.normalize(centred, dim=1) if normalise else centred


def to_kept(head: AdjustedHead) -> dict[str, Any]:
    """A head as tensors and plain values, which `from_kept` makes the same head of."""
    values = {name: v.cpu() if isinstance(v, Tensor) else v for name, v in head.values().items()}
    return {"class": type(head).__name__, "values": values}


def from_kept(kept: Mapping[str, Any], trained: nn.Module) -> AdjustedHead:
    """The head that `to_kept` described.

    Args:
        kept: What it returned.
        trained: The trained head, for those that read its logits.

    Raises:
        KeyError: If nothing of that name was ever kept.
    """
    values = kept["values"]
    if kept["class"] == AffineLogits.__name__:
        return AffineLogits(trained, **values)
    return {kind.__name__: kind for kind in (FixedLinear, CentroidHead)}[kept["class"]](**values)
