"""Means and covariances of classes, without a covariance matrix."""

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lightning_imb.resampling.pairing import Indices

Floats = NDArray[np.float64]

_KEPT_BYTES = 256 * 2**20  # of factors that are kept for a second use: those of 10 classes fit at D = 2048
_BLOCK = 4096  # rows of a class looked at together


class Moments:
    """Mean and covariance of each class, in float64.

    A covariance is a factor F (R, D) with ``FᵀF = Σ``: the centred rows over ``√(n - 1)``, or what a QR decomposition
    leaves of them when there are more than D. So R is at most D, a class of fewer rows than features costs less,
    nothing has to be inverted or decomposed that is not positive definite, and ``g·F`` with standard normal g has
    covariance Σ. Held at once are one factor, one block of rows and 256 MiB of factors for a second use, never all.

    A class of one row has no covariance (0/0): it takes the mean covariance of the classes with two rows or more, or
    zero where there are none.

    Args:
        data: (N, D) float32 or float64.
        members: K arrays of row indices, one for each class.
        view: what the moments are taken of: a function of rows (B, D) float64; None means the rows themselves.

    Attributes:
        means: (K, D).
    """

    def __init__(
        self, data: NDArray[Any], members: list[Indices], view: Callable[[Floats], Floats] | None = None
    ) -> None:
        self._data, self._members, self._view = data, members, view
        self._kept: dict[int, Floats] = {}
        self.means: Floats = np.stack([self._mean(rows) for rows in members])

    def borrows(self, position: int) -> bool:
        """Tell whether a class takes the covariance of the others."""
        return len(self._members[position]) == 1

    def factor(self, position: int) -> Floats:
        """Return F (R, D) with ``FᵀF = Σ``, the unbiased covariance of a class."""
        if self.borrows(position):
            return self._pooled
        if position not in self._kept:
            made = self._stacked(self._centred(position))
            if sum(factor.nbytes for factor in self._kept.values()) + made.nbytes > _KEPT_BYTES:
                return made
            self._kept[position] = made
        return self._kept[position]

    def variances(self, position: int) -> Floats:
        """Return the unbiased variances (D,) of the features of a class: the diagonal of Σ."""
        if self.borrows(position):
            return self._pooled_variances
        total = np.zeros(self._data.shape[1])
        for block in self._centred(position):
            total += np.square(block).sum(axis=0)
        return total

    @cached_property
    def _pooled(self) -> Floats:
        """Factor of the mean covariance of the classes with two rows or more."""
        known = self._known()
        return self._stacked(self.factor(position) / np.sqrt(len(known)) for position in known)

    @cached_property
    def _pooled_variances(self) -> Floats:
        known = self._known()
        total = np.zeros(self._data.shape[1])
        for position in known:
            total += self.variances(position) / len(known)
        return total

    def _known(self) -> list[int]:
        return [position for position in range(len(self._members)) if not self.borrows(position)]

    def _mean(self, rows: Indices) -> Floats:
        total = np.zeros(self._data.shape[1])
        for block in self._blocks(rows):
            total += block.sum(axis=0)
        return total / len(rows)

    def _centred(self, position: int) -> Iterator[Floats]:
        """Yield the rows of a class around its mean, over ``√(n - 1)``, a block at a time."""
        rows = self._members[position]
        for block in self._blocks(rows):
            yield (block - self.means[position]) / np.sqrt(len(rows) - 1)

    def _blocks(self, rows: Indices) -> Iterator[Floats]:
        for start in range(0, len(rows), _BLOCK):
            block = self._data[rows[start : start + _BLOCK]].astype(np.float64)
            yield block if self._view is None else self._view(block)

    def _stacked(self, factors: Iterable[Floats]) -> Floats:
        """Return a factor of the sum of covariances, of at most D rows: ``FᵀF = Σ_i F_iᵀF_i``."""
        stack: Floats = np.empty((0, self._data.shape[1]))
        for factor in factors:
            stack = np.vstack([stack, factor])
            if len(stack) > stack.shape[1]:
                stack = np.asarray(np.linalg.qr(stack, mode="r"))
        return stack
