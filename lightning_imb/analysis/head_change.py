"""How far a head has moved from the one it is compared with."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class HeadChange(NamedTuple):
    """Change of the weights, in total and by class.

    Attributes:
        relative: mean over entries of ``|W - W_base| / |W_base|``; it explodes where weights are near 0.
        frobenius: ``||W - W_base|| / ||W_base||``.
        zeros: entries of the base that are 0 and left out of ``relative``.
        class_relative: (C,) the first for the weights of each class.
        class_frobenius: (C,) the second for the weights of each class.
    """

    relative: float
    frobenius: float
    zeros: int
    class_relative: NDArray[np.float64]
    class_frobenius: NDArray[np.float64]


def head_change(base: NDArray[np.floating], weight: NDArray[np.floating]) -> HeadChange:
    """Measure how far the weights of a head are from those of another.

    The relative change of entries is that of Dablain's published code for another work (``cifar_wt_diff``).

    Args:
        base: (C, D) weights before.
        weight: (C, D) weights after.

    Returns:
        The change; NaN where the base is 0 altogether.
    """
    before, moved = base.astype(np.float64), np.abs(weight.astype(np.float64) - base)
    nonzero = before != 0
    size = np.abs(before)
    parts = np.divide(moved, size, out=np.zeros_like(moved), where=nonzero)
    return HeadChange(
        relative=float(_ratio(parts.sum(), nonzero.sum())),
        frobenius=float(_ratio(np.linalg.norm(moved), np.linalg.norm(before))),
        zeros=int((~nonzero).sum()),
        class_relative=_ratio(parts.sum(axis=1), nonzero.sum(axis=1)),
        class_frobenius=_ratio(np.linalg.norm(moved, axis=1), np.linalg.norm(before, axis=1)),
    )


def _ratio(above: ArrayLike, below: ArrayLike) -> NDArray[np.float64]:
    divisor = np.asarray(below, dtype=np.float64)
    return np.asarray(above / np.where(divisor > 0, divisor, np.nan))
