"""Random numbers of one batch, as tensors on its device."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Draws:
    """Draws for the N rows of a batch, one each or one for all; never waits for the device.

    Args:
        random: seeded by the batch.
        size: N.
        device: where the numbers go.
        each: a number of its own for every row; else one number for all rows.
    """

    def __init__(self, random: np.random.Generator, size: int, device: torch.device, each: bool) -> None:
        self.random = random
        self.size = size
        self.device = device
        self._numbers = size if each else 1

    def uniform(self) -> Tensor:
        """``(N,)`` float32 in [0, 1)."""
        return self._spread(self.random.random(self._numbers))

    def beta(self, a: float, b: float) -> Tensor:
        """``(N,)`` float32 of Beta(a, b), both above 0."""
        return self._spread(self.random.beta(a, b, self._numbers))

    def pixel(self, length: int) -> Tensor:
        """``(N,)`` int64, uniform in 0..length-1."""
        return self._spread(self.random.integers(length, size=self._numbers))

    def one_of(self, number: int) -> int:
        """One for the whole batch, uniform in 0..number-1."""
        return int(self.random.integers(number))

    def permutation(self, deranged: bool = False) -> Tensor:
        """``(N,)`` int64, each row the partner of exactly one.

        Args:
            deranged: no row is its own partner; a batch of one row has no other.
        """
        order = self.random.permutation(self.size)
        if not deranged:
            return self._moved(order)
        partner = np.empty_like(order)
        partner[order] = np.roll(order, 1)  # one cycle through all rows
        return self._moved(partner)

    def pick(self, weight: Tensor) -> Tensor:
        """``(N,)`` int64 rows with probability proportional to their weights, with replacement.

        Args:
            weight: ``(R,)`` >= 0 on the device; where all are 0, every row is as likely.
        """
        weight = torch.where(weight.sum() > 0, weight.to(torch.float32), 1.0)
        bounds = weight.cumsum(0)
        at = self._moved(self.random.random(self.size)) * bounds[-1]
        return torch.searchsorted(bounds, at, right=True).clamp_max(len(weight) - 1)

    def _spread(self, numbers: NDArray[np.generic]) -> Tensor:
        return self._moved(numbers).expand(self.size).contiguous()

    def _moved(self, numbers: NDArray[np.generic]) -> Tensor:
        tensor = torch.from_numpy(numbers)
        if tensor.is_floating_point():
            tensor = tensor.to(torch.float32)  # before it moves: not every device has float64
        return tensor.to(self.device, non_blocking=True)
