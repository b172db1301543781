"""Tau-normalisation: the rows of the head lose the lengths that frequent classes gave them."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from lightning_imb.posthoc.base import Given, linear_parts
from lightning_imb.posthoc.heads import FixedLinear
from lightning_imb.posthoc.searched import TENTHS_TO_2, SearchedPostHoc
from lightning_imb.utils.checked import checked_choice


class TauNorm(SearchedPostHoc):
    """``w_c <- w_c / |w_c|^tau``: 0 leaves the rows, 1 makes them all of length 1. A row of zeros stays.

    The paper has heads without bias and its code leaves a trained bias out; with ``bias="keep"`` it stays, and
    ``tau=0`` is then the trained head.

    Args:
        tau: A number >= 0, or ``search``.
        grid: What a search tries.
        bias: ``drop`` (as released) or ``keep``.

    Raises:
        InputError: If a setting is out of range.

    Source:
        Kang et al. 2020 (arXiv 1910.09217), section 4; facebookresearch/classifier-balancing: tau_norm.py.
    """

    name = "tau_norm"
    parameter = "tau"

    def __init__(self, tau: float | str = "search", grid: Sequence[float] = TENTHS_TO_2, bias: str = "drop") -> None:
        super().__init__(tau, grid)
        self.bias = checked_choice("posthoc.bias", bias, ("drop", "keep"))

    def check(self, given: Given) -> None:
        """Refuse a head that is not linear, and a search without validation data."""
        linear_parts(given.head, self.name)
        super().check(given)

    def head_for(self, given: Given, value: float) -> nn.Module:
        """The head with its rows shortened by this tau."""
        weight, bias = linear_parts(given.head, self.name)
        return FixedLinear(tau_normalised(weight, value), bias if self.bias == "keep" else torch.zeros_like(bias))

    def _settings(self) -> dict[str, Any]:
        return {"bias": self.bias}


def tau_normalised(weight: Tensor, tau: float) -> Tensor:
    """Rows (K, D) divided by their length to the power of ``tau``; rows of zeros stay."""
    length = torch.linalg.vector_norm(weight, dim=1, keepdim=True, dtype=torch.float64)
    divisor = torch.where(length > 0, length, 1.0).pow(tau)
    return (weight / divisor).to(weight.dtype)
