"""Enemies of a regression: rows nearby whose targets are far."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lightning_imb.resampling.neighbors import nearest
from lightning_imb.resampling.pairing import Indices, Pairing
from lightning_imb.resampling.regression.base import Floats

_NEIGHBORS = 2**22  # held at once


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
    is_enemy = _are_enemies(rows, neighbors, y, distance)
    counts = is_enemy.sum(axis=1)
    enemies_first = np.argsort(~is_enemy, axis=1, kind="stable")
    partners = np.take_along_axis(neighbors, enemies_first, axis=1)
    return Pairing(rows, partners, np.minimum(counts, 1) if nearest_only else counts)


def nearest_enemy(rows: Indices, z: NDArray[Any], y: Floats, distance: float, k: int) -> Indices:
    """Find for each row the nearest one whose target differs by at least ``distance``, however far it is.

    The search starts beyond k neighbours and doubles them until every row has found one.

    Args:
        rows: (Q,) rows without an enemy among their k nearest.
        z: (N, D) all rows, N >= 2.
        y: (N,) their targets.
        distance: Above 0.
        k: Neighbours that were searched in vain.

    Returns:
        (Q,) row indices, -1 where no target differs as much.
    """
    found = np.full(len(rows), -1)
    reachable = (y[rows] - y.min() >= distance) | (y.max() - y[rows] >= distance)
    todo = np.flatnonzero(reachable)
    while len(todo):
        k = min(2 * k, len(z) - 1)
        for part in np.array_split(todo, -(-len(todo) * k // _NEIGHBORS)):
            neighbors = nearest(rows[part], z, k)
            is_enemy = _are_enemies(rows[part], neighbors, y, distance)
            hit = is_enemy.any(axis=1)
            found[part[hit]] = neighbors[hit, is_enemy[hit].argmax(axis=1)]
        todo = todo[found[todo] < 0]
    return found


def _are_enemies(rows: Indices, neighbors: Indices, y: Floats, distance: float) -> NDArray[np.bool_]:
    far: NDArray[np.bool_] = np.abs(y[neighbors] - y[rows][:, None]) >= distance
    return far
