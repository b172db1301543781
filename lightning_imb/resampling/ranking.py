"""Exact order of proposed neighbours: direct float64 differences, and a proof that nobody nearer was left out."""

import torch
from torch import Tensor

from lightning_imb.resampling.proposals import Proposal
from lightning_imb.resampling.rows import Rows, Search

_DIRECT = "donot_use_mm_for_euclid_dist"
_DIRECT_BLOCK = 64  # queries searched directly at once


def settle(rows: Rows, asked: Tensor, proposal: Proposal, k: int, search: Search) -> tuple[Tensor, Tensor]:
    """Return the k nearest (B, k) of the proposed rows, and which queries (B,) are certain of them.

    Args:
        rows: what is searched.
        asked: (B,) numbers of the rows whose neighbours are wanted; each is left out of its own answer.
        proposal: candidates of these queries.
        k: neighbours per query.
        search: memory.
    """
    numbers = proposal.numbers.sort(dim=1).values  # the stable sort by distance then puts the lower one first
    distance = torch.empty(numbers.shape, dtype=torch.float64, device=numbers.device)
    width = search.rows_for(8, rows.features * 16, numbers.shape[1])
    step = search.rows_for(8, rows.features * 16 * width, len(asked))
    for start in range(0, len(asked), step):
        part = slice(start, start + step)
        points = rows.at(asked[part]).double()[:, None]
        for low in range(0, numbers.shape[1], width):
            near = rows.at(numbers[part, low : low + width]).double()
            distance[part, low : low + width] = torch.cdist(points, near, compute_mode=_DIRECT)[:, 0]
    distance[numbers == asked[:, None]] = torch.inf
    distance, order = distance.sort(dim=1, stable=True)
    complete = numbers.shape[1] == len(rows)
    return numbers.gather(1, order[:, :k]), complete | certain(proposal, distance[:, k - 1], rows.features)


def certain(proposal: Proposal, kth: Tensor, features: int) -> Tensor:
    """Tell which queries (B,) cannot have a nearest row outside their candidates.

    Norms are taken from a point at distance s from the origin. A row at most as far from the query as the k-th
    neighbour, at d, is at most ρ = |q| + d from that point (triangle inequality), so its computed squared distance is
    wrong by less than (D + 16)·u·(|q|² + ρ² + 2|q|(ρ + s)): the standard bound of a sum of D + 1 products in any
    order with unit round-off u (Higham, Accuracy and Stability of Numerical Algorithms, 3.1), and the few roundings
    of the query, the norms and the last sums.

    Args:
        proposal: candidates, and the terms of the bound.
        kth: (B,) distance of the k-th neighbour among the candidates.
        features: D.
    """
    limits, reach = torch.finfo(proposal.dtype), proposal.reach
    far = reach + kth
    size = reach.square() + far.square() + 2 * reach * (far + proposal.shift)
    slack = (features + 16) * (limits.eps / 2 * size + limits.tiny * 4)  # tiny: products that underflow
    sure: Tensor = (proposal.worst > kth.square() + slack) & proposal.worst.isfinite()
    return sure


def direct(rows: Rows, asked: Tensor, k: int, classes: Tensor | None, search: Search) -> Tensor:
    """Search the k nearest rows (Q, k) by float64 differences to all rows: slow, and right whatever the data.

    Args:
        rows: what is searched.
        asked: (Q,) numbers of the rows whose neighbours are wanted; each is left out of its own answer.
        k: neighbours per query.
        classes: (A,) class of each row, if rows of the query's own class are left out too.
        search: memory.
    """
    found = torch.empty((len(asked), k), dtype=torch.int64, device=asked.device)
    block = search.rows_for(8, 48 * len(rows), _DIRECT_BLOCK)
    for start in range(0, len(asked), block):
        part = slice(start, start + block)
        found[part] = _direct_block(rows, asked[part], k, classes, search)
    return found


def _direct_block(rows: Rows, asked: Tensor, k: int, classes: Tensor | None, search: Search) -> Tensor:
    """Search one block of queries: rank a panel of rows together with the best of the panels before."""
    points = rows.at(asked).double()
    panel = search.rows_for(8, 48 * len(asked) + 16 * rows.features, len(rows))
    best = torch.empty((len(asked), 0), dtype=torch.float64, device=asked.device)
    numbers = torch.empty((len(asked), 0), dtype=torch.int64, device=asked.device)
    for start in range(0, len(rows), panel):
        stop = min(start + panel, len(rows))
        here = torch.arange(start, stop, device=asked.device).expand(len(asked), -1)
        distance = torch.cdist(points, rows.strip(start, stop, torch.float64), compute_mode=_DIRECT)
        barred = here == asked[:, None] if classes is None else classes[here] == classes[asked][:, None]
        distance[barred] = torch.inf
        best, order = torch.cat([best, distance], dim=1).sort(dim=1, stable=True)
        best, numbers = best[:, :k], torch.cat([numbers, here], dim=1).gather(1, order[:, :k])
    return numbers
