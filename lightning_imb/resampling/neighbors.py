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

CHUNK_BYTES = 32 * 2**20
"""Size of one chunk's largest array, in bytes: small enough to stay near the cache."""

_SPARE = 8  # candidates fetched beyond k: they give the rounding bound a gap to work with


class _Table(NamedTuple):
    """The searched rows, prepared once for all chunks.

    Attributes:
        rows: (N, D) as given, for direct differences.
        centred: (P, D) minus the mean, zero rows added so that ``fold`` divides P.
        square: (P,) squared norms of ``centred``, infinite for the added rows.
        centre: (D,) the mean.
        fold: rows of the folded selection, see :func:`_smallest`.
    """

    rows: Tensor
    centred: Tensor
    square: Tensor
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
        chunk_bytes: size of one chunk's largest array, in bytes.

    Returns:
        (Q, min(k, N - 1)) row indices, nearest first; of equal distances the lower index comes first.

    Raises:
        InputError: k is below 1, or X has fewer than two rows.
    """
    if k < 1 or len(X) < 2:
        raise InputError(
            f"k={k} neighbours among {len(X)} rows do not exist; use k >= 1 and at least two rows."
        )
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
        chunk_bytes: size of one chunk's largest array, in bytes.

    Returns:
        (Q,) row indices; of equal distances the lower index is taken.

    Raises:
        InputError: all rows are of one class.
    """
    queries, found = np.asarray(queries, dtype=np.int64), np.empty(len(queries), dtype=np.int64)
    for label in np.unique(y[queries]):
        enemies, asked = np.flatnonzero(y != label), y[queries] == label
        if len(enemies) == 0:
            raise InputError(
                f"Class {label} has no enemy: every row is of this class; give at least two classes."
            )
        rows, points = _tensor(X[enemies], device), _tensor(X[queries[asked]], device)
        found[asked] = enemies[_search(rows, points, None, 1, chunk_bytes)[:, 0].cpu().numpy()]
    return found


def _tensor(array: NDArray[Any], device: str) -> Tensor:
    """Bring an array to the device; torch refuses to share memory that must not be written."""
    array = np.ascontiguousarray(array)
    return torch.from_numpy(array if array.flags.writeable else array.copy()).to(device)


@torch.no_grad()
def _search(rows: Tensor, points: Tensor, own: Tensor | None, k: int, chunk_bytes: int) -> Tensor:
    """Search the k nearest ``rows`` (N, D) of each of ``points`` (Q, D); ``own`` (Q,) is left out."""
    available = len(rows) - (own is not None)
    wanted = min(k + _SPARE + k // 8, available)
    table = _prepare(rows, wanted)
    per_query = max(table.centred.shape[0] * table.centred.element_size(), wanted * rows.shape[1] * 8)
    step = max(1, chunk_bytes // per_query)
    found = torch.empty((len(points), k), dtype=torch.int64, device=rows.device)
    sure = torch.empty(len(points), dtype=torch.bool, device=rows.device)
    for start in range(0, len(points), step):
        part = slice(start, start + step)
        mine = None if own is None else own[part]
        found[part], sure[part] = _candidates(table, points[part], mine, k, wanted)
    if wanted < available:
        unsure = torch.nonzero(~sure)[:, 0]
        found[unsure] = _direct(rows, points[unsure], None if own is None else own[unsure], k, chunk_bytes)
    return found


def _prepare(rows: Tensor, wanted: int) -> _Table:
    """Centre the rows (smaller norms round less) and pad them for the folded selection."""
    fold = max(1, int((len(rows) / wanted) ** 0.5))
    centre = rows.mean(dim=0, dtype=torch.float64).to(rows.dtype)
    dtype = torch.float64 if _products_are_rounded() else rows.dtype
    padded = -(-len(rows) // fold) * fold
    centred = torch.zeros((padded, rows.shape[1]), dtype=dtype, device=rows.device)
    centred[: len(rows)] = rows - centre
    square = centred.square().sum(dim=1)
    square[len(rows) :] = torch.inf
    return _Table(rows, centred, square, centre, fold)


def _products_are_rounded() -> bool:
    """Tell whether float32 products may run in TF32 or bfloat16, which the rounding bound excludes."""
    try:
        return torch.get_float32_matmul_precision() != "highest"
    except RuntimeError:  # torch refuses to answer once its newer per-backend switches were used
        return True


def _candidates(
    table: _Table, points: Tensor, own: Tensor | None, k: int, wanted: int
) -> tuple[Tensor, Tensor]:
    """Return the k nearest rows (B, k) among ``wanted`` candidates, and who (B,) is certain."""
    query = (points - table.centre).to(table.centred.dtype)
    with torch.autocast(points.device.type, enabled=False):
        scores = torch.addmm(table.square, query, table.centred.T, alpha=-2)  # |x|² − 2qx: |q|² ranks nothing
    if own is not None:
        scores[torch.arange(len(points), device=points.device), own] = torch.inf
    scores, columns = _smallest(scores, wanted, table.fold)
    columns = columns.sort(dim=1).values  # a stable sort by distance then puts the lower index first
    exact = (table.rows[columns].double() - points[:, None].double()).square().sum(dim=2)
    exact, order = exact.sort(dim=1, stable=True)
    norm = query.double().square().sum(dim=1)
    return columns.gather(1, order[:, :k]), _certain(scores, norm, exact[:, k - 1], points.shape[1])


def _certain(scores: Tensor, norm: Tensor, kth: Tensor, features: int) -> Tensor:
    """Tell which queries cannot have a nearest row outside their candidates.

    A row at most as far as the k-th has a norm of at most |q| + d_k (triangle inequality), so its score is
    wrong by less than (D + 8)·eps·(2|q| + d_k)², the standard bound of an inner product of D terms.

    Args:
        scores: (B, M) the candidates' |x|² − 2qx, ascending.
        norm: (B,) |q|².
        kth: (B,) exact squared distance d_k² of the k-th neighbour.
        features: D.
    """
    limits = torch.finfo(scores.dtype)
    slack = (features + 8) * limits.eps * (2 * norm.sqrt() + kth.sqrt()).square() + features * limits.tiny
    worst = scores[:, -1].double()
    return (worst + norm > kth + slack) & worst.isfinite()


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
        distance = torch.cdist(query, rows, compute_mode="donot_use_mm_for_euclid_dist")
        if own is not None:
            distance[torch.arange(len(query), device=rows.device), own[part]] = torch.inf
        found[part] = distance.sort(dim=1, stable=True).indices[:, :k]
    return found
