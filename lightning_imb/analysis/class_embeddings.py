"""Feature embeddings and the part that each of their features has in a logit."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lightning_imb.utils.errors import InputError

_BLOCK = 2**22  # numbers that are handled at once: 16 MiB of float32
_SHORTEST = 1e-12  # as in `torch.nn.functional.normalize`, which the cosine head uses


@dataclass(frozen=True)
class Embedded:
    """Embeddings of one split beside the head that reads them.

    Feature embedding (FE): the pooled vector ``x_i`` that the head reads. Classification embedding (CE) of a row for a
    class: ``x_i * W_c`` elementwise, without the bias, so that ``sum_d CE_i[d] + b_c`` is the logit. Both are terms of
    Dablain et al. 2022, "Understanding CNN fragility when learning with imbalanced data" (arXiv 2210.09465); the
    formula is our reading. A cosine head reads normalised rows with normalised weights: both are normalised here and
    the weights multiplied by the scale, so that the sum is still the logit.

    Args:
        z: (N, D) floating, finite.
        weight: (C, D), the vector of each class.
        bias: (C,).
        scale: of a cosine head; None for a linear head.

    Raises:
        InputError: the widths differ.
    """

    z: NDArray[Any]
    weight: NDArray[Any]
    bias: NDArray[Any]
    scale: float | None = None

    def __post_init__(self) -> None:
        if self.z.shape[1] != self.weight.shape[1]:
            raise InputError(
                f"embeddings have {self.z.shape[1]} features, the head reads {self.weight.shape[1]}; "
                "give the embeddings that this head reads."
            )

    @property
    def classes(self) -> int:
        """C."""
        return len(self.weight)

    @property
    def width(self) -> int:
        """D."""
        return int(self.z.shape[1])

    @cached_property
    def vectors(self) -> NDArray[Any]:
        """What features are multiplied by, (C, D): the weights, of a cosine head normalised and times its scale."""
        return self.weight if self.scale is None else self.scale * _normalised(self.weight)

    def features(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """FE of some rows, (n, D)."""
        z = self.z[rows]
        return z if self.scale is None else _normalised(z)

    def classified(self, rows: NDArray[np.int64], classes: NDArray[np.int64]) -> NDArray[Any]:
        """CE of some rows for one class each.

        Args:
            rows: (n,).
            classes: (n,) in 0..C-1.

        Returns:
            (n, D).
        """
        embeddings: NDArray[Any] = self.features(rows) * self.vectors[classes]
        return embeddings

    def blocks(self, rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        """Cut row numbers into parts whose embeddings are small."""
        size = max(1, _BLOCK // self.width)
        for start in range(0, len(rows), size):
            yield rows[start : start + size]


def _normalised(rows: NDArray[Any]) -> NDArray[Any]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    result: NDArray[Any] = rows / np.maximum(lengths, _SHORTEST)
    return result
