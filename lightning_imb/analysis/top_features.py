"""The features that carry a class: its top-K by magnitude, and those of each single row."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lightning_imb.utils.errors import InputError

ABSENT = -1  # stands for the features of a class that has none, because it has no row to take a mean of


def check_top(top: int, width: int) -> None:
    """Refuse a K that does not fit.

    Raises:
        InputError: ``top`` is not in 1..D.
    """
    if not 1 <= top <= width:
        raise InputError(f"top={top} features of {width} cannot be chosen; use top from 1 to {width}.")


def top_features(magnitude: NDArray[np.float64], top: int) -> NDArray[np.int64]:
    """Identity T_c: the K features of the largest magnitude of each class (arXiv 2210.09465; our reading).

    Args:
        magnitude: (C, D); a row with NaN is a class without magnitude.
        top: K in 1..D.

    Returns:
        (C, K) feature indices, largest first, of equals the lower index first; -1 throughout for a class without
        magnitude.

    Raises:
        InputError: ``top`` is not in 1..D.
    """
    check_top(top, magnitude.shape[1])
    features: NDArray[np.int64] = np.argsort(-magnitude, axis=1, kind="stable")[:, :top]
    features[np.isnan(magnitude).any(axis=1)] = ABSENT
    return features


def at_features(values: NDArray[np.float64], features: NDArray[np.int64]) -> NDArray[np.float64]:
    """Values of chosen features: magnitude M_c where ``features`` is T_c of the same class.

    Args:
        values: (C, D).
        features: (C, K), -1 for none.

    Returns:
        (C, K), NaN for features that are none.
    """
    chosen = np.take_along_axis(values, np.maximum(features, 0), axis=1)
    return np.where(features == ABSENT, np.nan, chosen)


def shares(magnitude: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each magnitude as a part of its row's sum: ``M_c[k] / sum_k M_c[k]``.

    Args:
        magnitude: (C, K).

    Returns:
        (C, K) that sums to 1; NaN where the sum is not positive.
    """
    total = magnitude.sum(axis=1, keepdims=True)
    result: NDArray[np.float64] = magnitude / np.where(total > 0, total, np.nan)
    return result


def in_own_top(values: NDArray[Any], top: int) -> NDArray[np.bool_]:
    """Tell for each row which features are among its own K largest, of equals those of the lower index.

    Args:
        values: (n, D), finite.
        top: K in 1..D.

    Returns:
        (n, D), K of each row are true.
    """
    smallest = np.partition(values, values.shape[1] - top, axis=1)[:, -top, None]
    chosen: NDArray[np.bool_] = values >= smallest
    crowded = np.flatnonzero(chosen.sum(axis=1) > top)  # rows with several features as large as the K-th
    equal, above = values[crowded] == smallest[crowded], values[crowded] > smallest[crowded]
    room = top - above.sum(axis=1, keepdims=True)
    chosen[crowded] = above | (equal & (equal.cumsum(axis=1) <= room))
    return chosen
