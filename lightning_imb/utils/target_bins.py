"""Bins of numeric targets: what takes the place of classes in a regression."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lightning_imb.utils.checked import checked_whole
from lightning_imb.utils.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class TargetBins:
    """Intervals side by side; a bin holds its lower edge, the first and the last take what lies beyond them.

    Attributes:
        edges: ``(B + 1,)``, ascending.
    """

    edges: tuple[float, ...]

    def __len__(self) -> int:
        """B."""
        return len(self.edges) - 1

    @property
    def names(self) -> tuple[str, ...]:
        """``(B,)``, such as ``1 to 2``."""
        return tuple(f"{low:.6g} to {high:.6g}" for low, high in zip(self.edges, self.edges[1:], strict=False))

    @property
    def centres(self) -> NDArray[np.float64]:
        """``(B,)`` middles of the bins."""
        edges = np.asarray(self.edges)
        centres: NDArray[np.float64] = (edges[:-1] + edges[1:]) / 2
        return centres

    @property
    def inner(self) -> NDArray[np.float32]:
        """``(B - 1,)`` edges between the bins, in the type of targets in training."""
        return np.asarray(self.edges[1:-1], dtype=np.float32)

    def of(self, values: ArrayLike) -> NDArray[np.int64]:
        """The bin of each value, of any shape, 0..B-1.

        Values and edges are compared in float32, the type of targets in training: in another one a target that lies on
        an edge would now be in one bin and now in the other.
        """
        return np.searchsorted(self.inner, np.asarray(values, dtype=np.float32), side="right").astype(np.int64)

    def counts(self, values: ArrayLike) -> list[int]:
        """``(B,)`` how many of the values each bin holds."""
        counts: list[int] = np.bincount(self.of(values).ravel(), minlength=len(self)).tolist()
        return counts


def bin_of(values: "Tensor", inner: "Tensor") -> "Tensor":
    """As `TargetBins.of`, int64, without waiting for the device.

    Args:
        values: Of any shape.
        inner: `TargetBins.inner`, on the same device.
    """
    import torch  # here: reports know bins too, and start without torch

    return torch.bucketize(values.to(inner.dtype), inner, right=True)


class TargetSample(NamedTuple):
    """Targets that reach a loss, and the bins they are counted in.

    Attributes:
        values: ``(N,)`` float64, finite.
        bins: Those of the data set; who needs finer ones makes them of ``values``.
    """

    values: NDArray[np.float64]
    bins: TargetBins


def equal_bins(low: float, high: float, count: int) -> TargetBins:
    """Bins of equal width.

    Args:
        low: Lower edge of the first bin.
        high: Upper edge of the last one, above ``low``.
        count: B, at least 1.

    Raises:
        InputError: If there is no room between the ends, or ``count`` is no whole number from 1 on.
    """
    checked_whole("the number of bins", count, 1)
    if not (np.isfinite([low, high]).all() and low < high):
        raise InputError(f"bins from {low:g} to {high:g} have no width: the targets need two different finite values")
    return TargetBins(tuple(np.linspace(low, high, count + 1).tolist()))


def bins_of(spec: int | Sequence[float], values: ArrayLike, setting: str) -> TargetBins:
    """The bins that a setting asks for.

    Args:
        spec: How many of equal width over the range of the values, or the ``B + 1`` edges.
        values: ``(N,)`` targets.
        setting: What messages call ``spec``.

    Raises:
        InputError: If there is no width to divide, or the edges do not ascend.
    """
    if isinstance(spec, int) and not isinstance(spec, bool):
        array = np.asarray(values, dtype=np.float64)
        return equal_bins(float(array.min()), float(array.max()), spec)
    edges = _edges(spec, setting)
    return TargetBins(tuple(edges.tolist()))


def _edges(spec: object, setting: str) -> NDArray[np.float64]:
    wanted = f"{setting}={spec} must be a number of bins, or a list of at least two finite edges in ascending order"
    try:
        edges = np.asarray(spec, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(wanted) from None
    if edges.ndim != 1 or len(edges) < 2 or not np.isfinite(edges).all() or not (np.diff(edges) > 0).all():
        raise InputError(wanted)
    return edges
