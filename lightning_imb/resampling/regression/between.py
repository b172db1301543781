"""Points between two rows, and the targets that SMOTE for regression gives them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lightning_imb.resampling.neighbors import nearest
from lightning_imb.resampling.pairing import Indices
from lightning_imb.resampling.regression.base import Floats, Made


def between(z: NDArray[Any], bases: Indices, partners: Indices, r: Floats) -> NDArray[Any]:
    """Points ``z_i + r·(z_p - z_i)``, (M, D) in the dtype of ``z``.

    Args:
        z: (N, D) rows.
        bases: i (M,).
        partners: p (M,).
        r: (M,) in 0..1; 0 is the base itself, bit for bit.
    """
    offset: NDArray[Any] = z[partners] - z[bases]
    offset *= r[:, None].astype(z.dtype)
    offset += z[bases]
    return offset


def smoter(z: NDArray[Any], y: Floats, bases: Indices, partners: Indices, rng: np.random.Generator) -> Made:
    """SMOTE for regression: a point between two rows, with the mean of their targets weighted by nearness.

    ``y = (d_p·y_i + d_i·y_p) / (d_i + d_p)`` with the point's distances d to both rows, which for a point ``u`` of the
    way from i to p is ``y_i + u·(y_p - y_i)``; rows in the same place (no distance) give the mean of both targets.

    Args:
        z: (N, D) rows.
        y: (N,) targets.
        bases: i (M,).
        partners: p (M,).
        rng: Draws u ~ U(0, 1), one per point.

    Source:
        Torgo, Ribeiro, Pfahringer, Branco 2013, "SMOTE for regression", EPIA.
    """
    u = rng.random(len(bases))
    same = (z[bases] == z[partners]).all(axis=1)
    return Made(between(z, bases, partners, u), y[bases] + np.where(same, 0.5, u) * (y[partners] - y[bases]))


def draw_neighbors(z: NDArray[Any], rows: Indices, bases: Indices, k: int, rng: np.random.Generator) -> Indices:
    """Draw for each base one of its k nearest among some rows, uniformly.

    Args:
        z: (N, D) all rows.
        rows: At least two of them, ascending: where neighbours are searched.
        bases: (M,) of ``rows``, repeats allowed.
        k: At least 1; more than there are means all others.
        rng: Generator to draw from.

    Returns:
        (M,) rows.
    """
    queried, at = np.unique(bases, return_inverse=True)
    neighbors = nearest(queried, z, k, among=rows)
    return neighbors[at, rng.integers(0, neighbors.shape[1], len(bases))]
