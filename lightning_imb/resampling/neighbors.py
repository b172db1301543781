"""Exact Euclidean neighbours of embedding rows, on the CPU or a GPU, in bounded memory.

Squared distances come from matrix products of a block of queries with a strip of rows. That is fast but rounds, so the
products only propose candidates: they are ranked again by their direct differences in float64, and a rounding bound
tells for every query whether a row outside the candidates could still belong to the answer. The few queries for which
it could (many near-equal distances, as among duplicates) are searched again directly. The answer is therefore the same
on every device, with every backend and for every amount of memory.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_imb.resampling.proposals import Faiss, Products, Proposer, faiss_can, require_faiss
from lightning_imb.resampling.ranking import direct, settle
from lightning_imb.resampling.rows import Rows, Search, check_search, norms
from lightning_imb.utils.errors import InputError

DEFAULT = Search()

_SPARE = 3  # candidates fetched beyond k: they give the rounding bound a gap to work with,
_FEATURES_PER_SPARE = 128  # a wider one where more features round


def nearest(
    queries: NDArray[Any],
    X: NDArray[Any],
    k: int,
    search: Search = DEFAULT,
    among: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Find the k rows nearest to each queried row, the row itself excluded by index.

    Args:
        queries: (Q,) indices of the rows whose neighbours are wanted.
        X: (N, D) float32 or float64, finite.
        k: neighbours per query, at least 1; more than there are other rows means all of them.
        search: device, memory and backend; they do not change the answer.
        among: (A,) ascending indices of the rows that may be neighbours, the queried ones included; None means all.

    Returns:
        (Q, min(k, A - 1)) row indices, nearest first; of equal distances the lower index comes first.

    Raises:
        InputError: k is below 1, fewer than two rows may be neighbours, the search is impossible, or faiss is missing.
    """
    count = len(X) if among is None else len(among)
    if k < 1 or count < 2:
        raise InputError(f"k={k} neighbours among {count} rows do not exist; use k >= 1 and at least two rows.")
    asked = np.asarray(queries, dtype=np.int64) if among is None else np.searchsorted(among, queries)
    return _search(Rows(X, among, search), asked, min(k, count - 1), None, search)


def nearest_enemy(
    queries: NDArray[Any], X: NDArray[Any], y: NDArray[Any], search: Search = DEFAULT
) -> NDArray[np.int64]:
    """Find for each queried row the nearest row of any other class.

    Args:
        queries: (Q,) indices of the rows whose enemy is wanted.
        X: (N, D) float32 or float64, finite.
        y: (N,) class of each row.
        search: device and memory; torch proposes, because faiss cannot leave out a class at the same speed.

    Returns:
        (Q,) row indices; of equal distances the lower index is taken.

    Raises:
        InputError: all rows are of one class, or the search is impossible.
    """
    queries = np.asarray(queries, dtype=np.int64)
    labels, classes = np.unique(y, return_inverse=True)
    if len(labels) < 2:
        raise InputError(f"Class {labels} has no enemy: every row is of this class; give at least two classes.")
    return _search(Rows(X, None, search), queries, 1, classes, search)[:, 0]


@torch.no_grad()
def _search(
    rows: Rows, queries: NDArray[np.int64], k: int, barred: NDArray[np.int64] | None, search: Search
) -> NDArray[np.int64]:
    """Search the k nearest rows of each query (Q,) by its number; its class among ``barred`` (A,) is left out.

    Products in the rows' precision settle nearly all queries, products in float64 nearly all of the others
    (tight clusters far from the mean), direct differences the rest (ties, duplicates).
    """
    check_search(search)
    if search.backend == "faiss":
        require_faiss()
    if len(queries) == 0:
        return np.empty((0, k), dtype=np.int64)
    device = rows.data.device
    asked = torch.from_numpy(np.ascontiguousarray(queries)).to(device)
    classes = None if barred is None else torch.from_numpy(barred).to(device)
    allowed = len(rows) if barred is None else len(rows) - int(np.bincount(barred).max())
    wanted = k + 1 + k // 8 + _SPARE + rows.features // _FEATURES_PER_SPARE  # 1: the row itself is among them
    found = torch.empty((len(asked), k), dtype=torch.int64, device=device)
    todo = torch.arange(len(asked), device=device)
    with torch.autocast(device.type, enabled=False):
        for proposer in _proposers(rows, min(wanted, allowed), classes, search):
            todo = _settle(proposer, rows, asked, todo, found, search)
            if len(todo) == 0:
                break
        else:
            found[todo] = direct(rows, asked[todo], k, classes, search)
    return rows.indices(found).cpu().numpy()


def _proposers(rows: Rows, wanted: int, classes: Tensor | None, search: Search) -> Iterator[Proposer]:
    """Yield what can propose, fastest first; each is built when those before it have left queries open."""
    faiss = search.backend == "faiss" and faiss_can(rows, classes)
    first = torch.float64 if _products_are_rounded() and not faiss else rows.dtype
    for dtype in dict.fromkeys((first, torch.float64)):
        known = norms(rows, dtype, search)
        if not known.safe:
            continue
        if faiss and dtype == torch.float32:
            yield Faiss(rows, wanted, search)
        else:
            yield Products(rows, known, wanted, classes, search)


def _settle(proposer: Proposer, rows: Rows, asked: Tensor, todo: Tensor, found: Tensor, search: Search) -> Tensor:
    """Write the neighbours of the open queries ``todo`` into ``found`` (Q, k); return those still open."""
    left = []
    for part in torch.split(todo, proposer.block):
        found[part], sure = settle(rows, asked[part], proposer.propose(asked[part]), found.shape[1], search)
        left.append(part[~sure])
    return torch.cat(left) if left else todo


def _products_are_rounded() -> bool:
    """Tell whether float32 products may run in TF32 or bfloat16, which the rounding bound excludes."""
    try:
        return torch.get_float32_matmul_precision() != "highest"
    except RuntimeError:  # torch refuses to answer once its newer per-backend switches were used
        return True
