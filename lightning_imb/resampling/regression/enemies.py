"""Enemies of a regression: rows nearby whose targets are far."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances_chunked

from lightning_imb.resampling.neighbors import nearest
from lightning_imb.resampling.pairing import Indices, Pairing, pairing_among
from lightning_imb.resampling.regression.base import Floats

_MEBIBYTES = 128  # of distances held at once


def enemy_pairing(rows: Indices, z: NDArray[Any], y: Floats, distance: float, k: int, *, nearest_only: bool) -> Pairing:
    """Pair rows with those of their k nearest whose target differs by at least ``distance``.

    Args:
        rows: (B,) bases.
        z: (N, D) all rows, N >= 2.
        y: (N,) their targets.
        distance: Above 0.
        k: Neighbours searched per base, at least 1.
        nearest_only: Consider the nearest enemy only.

    Returns:
        A pairing over all B rows, enemies nearest first; rows without one have count 0.
    """
    neighbors = nearest(rows, z, k)
    is_enemy = np.abs(y[neighbors] - y[rows, None]) >= distance
    return pairing_among(rows, neighbors, is_enemy, first_only=nearest_only)


def nearest_enemy(rows: Indices, z: NDArray[Any], y: Floats, distance: float) -> Indices:
    """Find for each row the nearest one whose target differs by at least ``distance``, however far it is.

    Args:
        rows: (Q,) rows.
        z: (N, D) all rows.
        y: (N,) their targets.
        distance: Above 0.

    Returns:
        (Q,) row indices, of equal distances the lowest; -1 where no target differs as much.
    """

    def pick(distances: Floats, start: int) -> Indices:
        is_enemy = np.abs(y - y[rows[start : start + len(distances)], None]) >= distance
        distances[~is_enemy] = np.inf
        found: Indices = np.where(is_enemy.any(axis=1), distances.argmin(axis=1), -1)
        return found

    # not `neighbors.nearest_enemy`, which bars one class: here every row has enemies of its own
    found = pairwise_distances_chunked(z[rows], z, reduce_func=pick, working_memory=_MEBIBYTES, squared=True)
    return np.concatenate(list(found))
