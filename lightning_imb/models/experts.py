"""Several experts: networks that share their first layers, each with a rest and a classifier of its own."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from lightning_imb.models.backbones import Extractor
from lightning_imb.utils.errors import InputError


@runtime_checkable
class Splittable(Protocol):
    """An extractor that knows where it may be cut in two."""

    embed_dim: int

    def trunk_and_branch(self) -> tuple[nn.Module, nn.Module]:
        """Two modules that make the extractor when called one after the other, with its weights."""


class ExpertExtractor(nn.Module):
    """One trunk and E branches; the embedding is that of all branches, one after the other.

    Wang et al. 2021 (RIDE, arXiv 2010.01809), section 4.1: experts share the first stage. Their released CIFAR networks
    also make the branches narrower by a quarter; ours keep their width, so E experts cost nearly E networks.

    Args:
        trunk: Maps images (N, C, H, W) to what the branches take.
        branches: Each maps that to embeddings (N, D).
        branch_dim: D.

    Attributes:
        embed_dim: ``E * D``.
    """

    def __init__(self, trunk: nn.Module, branches: Sequence[nn.Module], branch_dim: int) -> None:
        super().__init__()
        self.embed_dim = len(branches) * branch_dim
        self.trunk = trunk
        self.branches = nn.ModuleList(branches)

    def forward(self, images: Tensor) -> Tensor:
        """Embed images (N, C, H, W) as (N, E * D)."""
        shared = self.trunk(images)
        return torch.cat([branch(shared) for branch in self.branches], dim=1)


class ExpertHead(nn.Module):
    """One head for each expert, on its own part of the embedding; together they predict by the mean of their logits.

    Args:
        heads: E heads, each from (N, D) to (N, K), with ``reset_parameters``.
    """

    def __init__(self, heads: Sequence[nn.Module]) -> None:
        super().__init__()
        self.heads = nn.ModuleList(heads)

    def reset_parameters(self) -> None:
        """Draw every head anew."""
        for head in self.heads:
            head.reset_parameters()  # type: ignore[operator]

    def experts(self, z: Tensor) -> Tensor:
        """Logits of each expert, (N, E, K), of embeddings (N, E * D)."""
        parts = z.chunk(len(self.heads), dim=1)
        return torch.stack([head(part) for head, part in zip(self.heads, parts, strict=True)], dim=1)

    def forward(self, z: Tensor) -> Tensor:
        """Mean logits (N, K) of embeddings (N, E * D)."""
        return self.experts(z).mean(dim=1)


def with_experts(make: Callable[[], Extractor], experts: int) -> Extractor:
    """An extractor of that many experts.

    Args:
        make: Makes the extractor of one expert, with new weights each time.
        experts: E; 1 is the extractor itself.

    Raises:
        InputError: If E is no whole number of at least 1, or the extractor cannot be split.
    """
    if not isinstance(experts, int) or isinstance(experts, bool) or experts < 1:
        raise InputError(f"model.experts must be a whole number of at least 1, not {experts}")
    first = make()
    if experts == 1:
        return first
    networks = [_splittable(first, experts), *(_splittable(make(), experts) for _ in range(experts - 1))]
    parts = [network.trunk_and_branch() for network in networks]
    return ExpertExtractor(parts[0][0], [branch for _, branch in parts], first.embed_dim)


def _splittable(network: Extractor, experts: int) -> Splittable:
    if not isinstance(network, Splittable):
        raise InputError(
            f"model.experts={experts} needs a network that knows where to split, which {type(network).__name__} "
            "does not: use model.experts=1, or model=resnet32 or another CIFAR ResNet, or small_cnn"
        )
    return network
