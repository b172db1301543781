"""Exact Euclidean neighbours of embedding rows, on the CPU or a GPU, in bounded memory.

Squared distances come from one matrix product per chunk of queries. That is fast but rounds, so the
product only proposes candidates: they are ranked again by their direct differences in float64, and a
rounding bound tells for every query whether a row outside the candidates could still belong to the
answer. The few queries for which it could (many near-equal distances, as among duplicates) are searched
again directly. The answer is therefore the same on every device and for every chunk size.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_imb.utils.errors import InputError

CHUNK_BYTES = 64 * 2**20
"""Upper bound for one chunk's largest array, in bytes."""

_CHUNK_ROWS = 128  # enough for an efficient product, few enough to stay near the cache
_DIRECT = "donot_use_mm_for_euclid_dist"
_SPARE = 8  # candidates fetched beyond k: they give the rounding bound a gap to work with


class _Table(NamedTuple):
    """The searched rows, prepared once for all chunks.

    Attributes:
        rows: (N, D) as given, for direct differences.
        factors: (P, D + 1) rows ``(−2x, |x|²)`` of the centred x: ``(q, 1)·factor`` is ``|x − q|² − |q|²``;
            rows with an infinite last entry are added until ``fold`` divides P.
        centre: (D,) the mean.
        fold: rows of the folded selection, see :func:`_smallest`.
    """

    rows: Tensor
    factors: Tensor
    centre: Tensor
    fold: int


def nearest(
    queries: NDArray[Any], X: NDArray[Any], k: int, device: str = "cpu", chunk_bytes: int = CHUNK_BYTES
) -> NDArray[np.int64]:
    """Find the k rows nearest to each queried row, the row itself excluded by index.

    Args:
        queries: (Q,) indices of the rows whose neighbours are wanted.
        X: (N, D) float32 or float64, finite.
        k: neighbours per query, at least 1; more than N - 1 means N - 1.
        device: torch device that computes.
        chunk_bytes: upper bound for one chunk's largest array, in bytes.

    Returns:
        (Q, min(k, N - 1)) row indices, nearest first; of equal distances the lower index comes first.

    Raises:
        InputError: k is below 1, or X has fewer than two rows.
    """
    if k < 1 or len(X) < 2:
        raise InputError(f"k={k} neighbours among {len(X)} rows do not exist; use k >= 1 and at least two rows.")
    rows, index = _tensor(X, device), _tensor(np.asarray(queries, dtype=np.int64), device)
    return _search(rows, rows[index], index, min(k, len(X) - 1), chunk_bytes).cpu().numpy()


def nearest_enemy(
    queries: NDArray[Any],
    X: NDArray[Any],
    y: NDArray[Any],
    device: str = "cpu",
    chunk_bytes: int = CHUNK_BYTES,
) -> NDArray[np.int64]:
    """Find for each queried row the nearest row of any other class.

    Args:
        queries: (Q,) indices of the rows whose enemy is wanted.
        X: (N, D) float32 or float64, finite.
        y: (N,) class of each row.
        device: torch device that computes.
        chunk_bytes: upper bound for one chunk's largest array, in bytes.

    Returns:
        (Q,) row indices; of equal distances the lower index is taken.

    Raises:
        InputError: all rows are of one class.
    """
    queries, found = np.asarray(queries, dtype=np.int64), np.empty(len(queries), dtype=np.int64)
    for label in np.unique(y[queries]):
        enemies, asked = np.flatnonzero(y != label), y[queries] == label
        if len(enemies) == 0:
            raise InputError(f"Class {label} has no enemy: every row is of this class; give at least two classes.")
        rows, points = _tensor(X[enemies], device), _tensor(X[queries[asked]], device)
        found[asked] = enemies[_search(rows, points, None, 1, chunk_bytes)[:, 0].cpu().numpy()]
    return found


def _tensor(array: NDArray[Any], device: str) -> Tensor:
    """Bring an array to the device; torch refuses to share memory that must not be written."""
    array = np.ascontiguousarray(array)
    return torch.from_numpy(array if array.flags.writeable else array.copy()).to(device)


@torch.no_grad()
def _search(rows: Tensor, points: Tensor, own: Tensor | None, k: int, chunk_bytes: int) -> Tensor:
    """Search the k nearest ``rows`` (N, D) of each of ``points`` (Q, D); row ``own`` (Q,) is left out.

    Products in the rows' precision settle nearly all queries, products in float64 nearly all of the others
    (tight clusters far from the mean), direct differences the rest (ties, duplicates).
    """
    wanted = min(k + _SPARE + k // 8, len(rows) - (own is not None))
    found = torch.empty((len(points), k), dtype=torch.int64, device=rows.device)
    todo = torch.arange(len(points), device=rows.device)
    first = torch.float64 if _products_are_rounded() else rows.dtype
    with torch.autocast(rows.device.type, enabled=False):
        for dtype in dict.fromkeys((first, torch.float64)):
            if len(todo):
                table = _prepare(rows, wanted, dtype)
                mine = None if own is None else own[todo]
                found[todo], sure = _by_products(table, points[todo], mine, k, wanted, chunk_bytes)
                todo = todo[~sure]
        if len(todo):
            found[todo] = _direct(rows, points[todo], None if own is None else own[todo], k, chunk_bytes)
    return found


def _products_are_rounded() -> bool:
    """Tell whether float32 products may run in TF32 or bfloat16, which the rounding bound excludes."""
    try:
        return torch.get_float32_matmul_precision() != "highest"
    except RuntimeError:  # torch refuses to answer once its newer per-backend switches were used
        return True


def _prepare(rows: Tensor, wanted: int, dtype: torch.dtype) -> _Table:
    """Centre the rows (smaller norms round less), append squared norms, pad for the folded selection."""
    fold = max(1, int((len(rows) / wanted) ** 0.5))
    centre = rows.mean(dim=0, dtype=torch.float64).to(rows.dtype)
    factors = torch.zeros((-(-len(rows) // fold) * fold, rows.shape[1] + 1), dtype=dtype, device=rows.device)
    centred = (rows - centre).to(dtype)
    factors[: len(rows), :-1] = -2 * centred
    factors[: len(rows), -1] = centred.square().sum(dim=1, dtype=torch.float64)
    factors[len(rows) :, -1] = torch.inf
    return _Table(rows, factors, centre, fold)


def _by_products(
    table: _Table, points: Tensor, own: Tensor | None, k: int, wanted: int, chunk_bytes: int
) -> tuple[Tensor, Tensor]:
    """Return the k nearest rows (Q, k) among ``wanted`` candidates, and which queries (Q,) are certain."""
    found = torch.empty((len(points), k), dtype=torch.int64, device=points.device)
    sure = torch.empty(len(points), dtype=torch.bool, device=points.device)
    per_query = max(len(table.factors) * table.factors.element_size(), wanted * points.shape[1] * 8)
    step = max(1, min(_CHUNK_ROWS, chunk_bytes // per_query))
    for start in range(0, len(points), step):
        query = points[start : start + step]
        part = slice(start, start + len(query))
        factor = torch.nn.functional.pad((query - table.centre).to(table.factors.dtype), (0, 1), value=1.0)
        scores = factor @ table.factors.T
        if own is not None:
            scores[torch.arange(len(query), device=query.device), own[part]] = torch.inf
        scores, columns = _smallest(scores, wanted, table.fold)
        found[part], kth = _rank(table.rows, query, columns, k)
        complete = wanted == len(table.rows) - (own is not None)
        sure[part] = complete | _certain(scores[:, -1].double(), factor, kth)
    return found, sure


def _rank(rows: Tensor, query: Tensor, columns: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the k nearest of the candidate ``columns`` (B, M) and the distance (B,) of the k-th."""
    columns = columns.sort(dim=1).values  # the stable sort by distance then puts the lower index first
    near, centre = rows[columns].double(), query[:, None].double()
    distance, order = torch.cdist(centre, near, compute_mode=_DIRECT)[:, 0].sort(dim=1, stable=True)
    return columns.gather(1, order[:, :k]), distance[:, k - 1]


def _certain(worst: Tensor, factor: Tensor, kth: Tensor) -> Tensor:
    """Tell which queries (B,) cannot have a nearest row outside their candidates.

    A row at most as far as the k-th has a norm of at most |q| + d_k (triangle inequality), so its score is
    wrong by less than (D + 8)·eps·(2|q| + d_k)², the standard bound of an inner product of D + 1 terms.

    Args:
        worst: (B,) largest score |x|² − 2qx of the candidates.
        factor: (B, D + 1) centred queries q, and a column of ones.
        kth: (B,) distance d_k of the k-th neighbour.
    """
    limits, features = torch.finfo(factor.dtype), factor.shape[1] - 1
    norm = torch.linalg.vector_norm(factor[:, :-1].double(), dim=1)
    slack = (features + 8) * limits.eps * (2 * norm + kth).square() + features * limits.tiny
    certain: Tensor = (worst + norm.square() > kth.square() + slack) & worst.isfinite()
    return certain


def _smallest(scores: Tensor, wanted: int, fold: int) -> tuple[Tensor, Tensor]:
    """Select the ``wanted`` smallest scores of each row exactly, without sorting whole rows.

    The columns are folded into ``fold`` rows; the ``wanted`` groups (folded columns) with the smallest
    minima must contain the ``wanted`` smallest scores, and only those groups are looked into.

    Args:
        scores: (B, P), P a multiple of ``fold``.
        wanted: M, at most P / fold.
        fold: rows of the folded shape.

    Returns:
        Scores (B, M), ascending, and their columns (B, M).
    """
    folded = scores.view(len(scores), fold, -1)
    groups = folded.amin(dim=1).topk(wanted, largest=False, sorted=False).indices
    inside = folded.gather(2, groups[:, None].expand(-1, fold, -1)).flatten(1)
    values, at = inside.topk(wanted, largest=False)
    return values, at // wanted * folded.shape[2] + groups.gather(1, at % wanted)


def _direct(rows: Tensor, points: Tensor, own: Tensor | None, k: int, chunk_bytes: int) -> Tensor:
    """Search by direct float64 differences to all rows: slow, and right whatever the data."""
    rows = rows.double()
    step = max(1, chunk_bytes // (rows.shape[0] * 8))
    found = torch.empty((len(points), k), dtype=torch.int64, device=rows.device)
    for start in range(0, len(points), step):
        part = slice(start, start + step)
        query = points[part].double()
        distance = torch.cdist(query, rows, compute_mode=_DIRECT)
        if own is not None:
            distance[torch.arange(len(query), device=rows.device), own[part]] = torch.inf
        found[part] = distance.sort(dim=1, stable=True).indices[:, :k]
    return found
