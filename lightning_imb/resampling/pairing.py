"""Who may be paired with whom: the bases of a class, the partners of each base, and the points between.

Every over-sampler that interpolates is a pairing and a draw from it. Indices are rows of the (N, D) table.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightning_imb.resampling.neighbors import nearest
from lightning_imb.resampling.rows import Search
from lightning_imb.utils.errors import InputError

Indices = NDArray[np.int64]

_PIECE = 4096  # points made at once: few enough to stay in cache


class Pairing(NamedTuple):
    """Possible pairs of one class.

    Attributes:
        bases: (B,) rows of the class.
        partners: (B, P) rows each base may be paired with; the first ``counts`` of each are valid.
        counts: (B,) number of valid partners, 0 for a base that has none.
    """

    bases: Indices
    partners: Indices
    counts: Indices

    def select(self, keep: NDArray[np.bool_]) -> "Pairing":
        """Return the pairing of the bases for which ``keep`` (B,) is true."""
        return Pairing(self.bases[keep], self.partners[keep], self.counts[keep])


def enemy_pairing(
    bases: Indices, neighbors: Indices, y: NDArray[Any], *, official: bool, nearest_only: bool
) -> Pairing:
    """Pair each row of a class with its neighbours of other classes (arXiv 2207.06080).

    Args:
        bases: (B,) all rows of the class.
        neighbors: (B, K) their neighbours among all rows, nearest first, without the row itself.
        y: (N,) class of each row.
        official: use the released off-by-one: the enemy drawn at rank j is replaced by the row at rank
            j - 1, rank 0 being the base itself.
        nearest_only: consider the nearest enemy only.

    Returns:
        A pairing over all B rows; rows without an enemy among their neighbours have count 0.
    """
    is_enemy = y[neighbors] != y[bases][:, None]
    table = np.column_stack([bases, neighbors[:, :-1]]) if official else neighbors
    return pairing_among(bases, table, is_enemy, first_only=nearest_only)


def pairing_among(bases: Indices, table: Indices, valid: NDArray[np.bool_], *, first_only: bool) -> Pairing:
    """Pair each base with the rows of its line that are valid, in their order.

    Args:
        bases: (B,).
        table: (B, P) rows that may be partners.
        valid: (B, P) which of them are.
        first_only: consider the first one only.
    """
    counts = valid.sum(axis=1)
    valid_first = np.argsort(~valid, axis=1, kind="stable")
    partners = np.take_along_axis(table, valid_first, axis=1)
    return Pairing(bases, partners, np.minimum(counts, 1) if first_only else counts)


def single_pairing(bases: Indices, partners: Indices) -> Pairing:
    """Pair each of ``bases`` (B,) with exactly one of ``partners`` (B,)."""
    return Pairing(bases, partners[:, None], np.ones(len(bases), dtype=np.int64))


def smote_pairing(bases: Indices, X: NDArray[Any], k: int, search: Search) -> Pairing:
    """Pair each of at least two rows of a class, ascending, with its k nearest rows of the same class (SMOTE)."""
    partners = nearest(bases, X, k, search, among=bases)
    return Pairing(bases, partners, np.full(len(bases), partners.shape[1]))


def draw_pairs(pairing: Pairing, number: int, rng: np.random.Generator) -> tuple[Indices, Indices]:
    """Draw bases uniformly with replacement and, for each, one of its partners uniformly.

    Returns:
        Bases (number,) and partners (number,).
    """
    at = rng.integers(0, len(pairing.bases), number)
    option = rng.integers(0, pairing.counts[at])
    return pairing.bases[at], pairing.partners[at, option]


def checked_range(name: str, r_range: Sequence[float]) -> tuple[float, float]:
    """Return (low, high) as floats; outside [0, 1] the points would leave the segment.

    Raises:
        InputError: If it is no such pair.
    """
    if len(r_range) != 2 or not 0 <= r_range[0] <= r_range[1] <= 1:
        raise InputError(f"{name}={r_range} is not a pair with 0 <= low <= high <= 1; use for example [0.0, 1.0].")
    return float(r_range[0]), float(r_range[1])


def interpolate(
    X: NDArray[Any],
    pairs: tuple[Indices, Indices],
    r_range: tuple[float, float],
    per_feature: bool,
    rng: np.random.Generator,
    search: Search,
) -> Iterator[NDArray[Any]]:
    """Draw points ``x_i + r·(x_p − x_i)`` with r uniform in ``[low, high)``, one for each pair of rows (i, p).

    The points do not depend on the size of the pieces: a generator's stream goes on where the piece before ended.

    Args:
        X: (N, D) float32 or float64.
        pairs: bases i (M,) and partners p (M,).
        r_range: ``(low, high)`` within [0, 1].
        per_feature: draw one r per feature instead of one per row.
        rng: generator to draw from.
        search: memory, of which an eighth is used.

    Yields:
        Consecutive pieces of the (M, D) points, in the dtype of X: drawing r in that dtype keeps it below ``high`` = 1.
    """
    (bases, partners), kind = pairs, X.dtype.type
    scale, low, width = kind(r_range[1] - r_range[0]), kind(r_range[0]), X.shape[1]
    step = search.rows_for(8, 4 * width * X.itemsize, _PIECE)
    for at in range(0, len(bases), step):
        start = X[bases[at : at + step]]
        offset = X[partners[at : at + step]] - start
        unit = rng.random(start.shape if per_feature else (len(start), 1), dtype=kind)
        offset *= low + scale * unit
        offset += start
        yield offset
