"""Latent diversity of a class: how many features its rows rely on, in three readings.

Dablain et al. 2022 (arXiv 2210.09465) hold the diversity of a class's features to matter as much as its size. The
formulas here are our reading.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln


def features_for_share(magnitude: NDArray[np.float64], share: float = 0.9) -> NDArray[np.float64]:
    """Reading (a): the smallest number of features that hold a share of a class's magnitude.

    Args:
        magnitude: (C, D); negative values, which signed embeddings have, count as 0.
        share: in (0, 1].

    Returns:
        (C,) in 1..D; NaN for a class without magnitude.
    """
    falling = -np.sort(-np.maximum(magnitude, 0), axis=1)
    held = falling.cumsum(axis=1)
    total = held[:, -1:]
    # a rounding error of the sums must not ask for one feature more
    counts = (held < share * total * (1 - 1e-12)).sum(axis=1) + 1.0
    return np.where(total[:, 0] > 0, counts, np.nan)


def effective_features(contained: NDArray[np.int64]) -> NDArray[np.float64]:
    """Reading (b): effective number of features, ``exp(H)`` with H the entropy of ``f_c / K``.

    Args:
        contained: (C, D), in how many rows' own top-K a feature is.

    Returns:
        (C,), from K (all rows have one top-K) to D; NaN for a class without rows. Few rows can show few features: a
        class of n rows cannot exceed n * K.
    """
    total = contained.sum(axis=1, keepdims=True)
    p = contained / np.where(total > 0, total, np.nan)
    entropy = -(p * np.log(np.where(p > 0, p, 1.0))).sum(axis=1)
    result: NDArray[np.float64] = np.exp(entropy)
    return result


def distinct_features(contained: NDArray[np.int64]) -> NDArray[np.int64]:
    """Reading (c): number of features in any row's own top-K, (C,); it grows with the number of rows.

    Args:
        contained: (C, D), in how many rows' own top-K a feature is.
    """
    counts: NDArray[np.int64] = np.count_nonzero(contained, axis=1)
    return counts


def distinct_features_at(contained: NDArray[np.int64], rows: NDArray[np.int64], size: int) -> NDArray[np.float64]:
    """Reading (c) at equal size: expected number of distinct features among ``size`` rows drawn from a class.

    The expectation over all draws without replacement is known (rarefaction, Hurlbert 1971), so nothing is drawn: a
    feature that m of n rows have is missed with probability ``C(n - m, size) / C(n, size)``.

    Args:
        contained: (C, D), in how many rows' own top-K a feature is.
        rows: (C,) rows of each class.
        size: rows drawn of each class, at least 1.

    Returns:
        (C,) in K..D; NaN for a class with fewer rows.
    """
    expected = np.full(len(rows), np.nan)
    for c in np.flatnonzero(rows >= size):
        expected[c] = (1 - _missed(contained[c], int(rows[c]), size)).sum()
    return expected


def _missed(contained: NDArray[np.int64], rows: int, size: int) -> NDArray[np.float64]:
    """Probability that none of ``size`` rows has a feature, (D,)."""
    without = rows - contained
    possible = np.maximum(without, size)  # fewer cannot fill the draw: probability 0, set below
    logs = gammaln(possible + 1) - gammaln(possible - size + 1) - gammaln(rows + 1) + gammaln(rows - size + 1)
    return np.where(without < size, 0.0, np.exp(logs))
