"""MaxNorm: a bound on the length of each class's weights."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


class MaxNorm:
    """Shortens rows of a head that have grown beyond a bound: now, and after every optimizer step.

    The bound is ``min + threshold * (max - min)`` of the row lengths at the start. It is applied to these at once and
    never to restored weights, for applying it again moves last bits.

    Args:
        head: A linear head with weight (K, D).
        threshold: 0..1.

    Source:
        Alshammari et al. 2022, "Long-tailed recognition via weight balancing" (arXiv 2203.14197), eq. 6;
        ShadeAlsha/LTR-weight-balancing: utils/regularizers.py.
    """

    def __init__(self, head: nn.Linear, threshold: float) -> None:
        self.weight = head.weight
        lengths = _lengths(self.weight)
        self.bound = float(lengths.min() + threshold * (lengths.max() - lengths.min()))
        self.apply()

    def attach(self, optimizer: Optimizer) -> None:
        """Apply the bound after every step of an optimizer."""
        optimizer.register_step_post_hook(self._after_step)

    @torch.no_grad()
    def apply(self) -> None:
        """Scale rows longer than the bound to the bound."""
        lengths = _lengths(self.weight)
        self.weight.mul_(torch.where(lengths > self.bound, self.bound / lengths, 1.0).unsqueeze(1))

    def _after_step(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        self.apply()


def _lengths(weight: Tensor) -> Tensor:
    lengths: Tensor = torch.linalg.vector_norm(weight.detach(), dim=1)
    return lengths
