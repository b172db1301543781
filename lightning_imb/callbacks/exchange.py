"""Tensors that the processes of a run (DDP) give each other."""

from collections.abc import Iterator

import torch
import torch.distributed as dist
from torch import Tensor

from lightning_imb.data.ordered import OrderedBatches

_BYTES = 64 * 2**20  # sent at a time: bounds what an accelerator has to hold


def gather_rows(rows: Tensor, batches: OrderedBatches, device: torch.device) -> Tensor:
    """Put together, in every process, what the processes made of their shares of a set. All of them have to call.

    Args:
        rows: (M, ...) what this process made of its rows, in its order.
        batches: Who had which rows.
        device: Where the backend of the process group takes tensors from: the process's own.

    Returns:
        (N, ...) in the order of the set, on the CPU; ``rows`` itself where there is one process.
    """
    if batches.world_size == 1:
        return rows
    shares = [batches.share(rank) for rank in range(batches.world_size)]
    whole = rows.new_empty((batches.size, *rows.shape[1:]), device="cpu")
    for start, stop in _pieces(max(map(len, shares)), rows):
        sent = torch.zeros((stop - start, *rows.shape[1:]), dtype=rows.dtype, device=device)
        mine = rows[start:stop]
        sent[: len(mine)] = mine  # shares differ in length, what is sent must not
        received = [torch.empty_like(sent) for _ in shares]
        dist.all_gather(received, sent)
        for share, part in zip(shares, received, strict=True):
            there = share[start:stop]
            whole[there] = part[: len(there)].cpu()
    return whole


def broadcast_rows(rows: Tensor | None, device: torch.device) -> Tensor:
    """Give the first process's tensor to all. All of them have to call.

    Args:
        rows: (N, ...) on the CPU in the first process, None in the others.
        device: As in `gather_rows`.

    Returns:
        (N, ...), on the CPU.
    """
    made = [None if rows is None else (rows.shape, rows.dtype)]
    dist.broadcast_object_list(made, src=0, device=device)
    assert made[0] is not None
    shape, dtype = made[0]
    whole = torch.empty(shape, dtype=dtype) if rows is None else rows
    for start, stop in _pieces(len(whole), whole):
        sent = whole[start:stop].to(device).contiguous()
        dist.broadcast(sent, src=0)
        if rows is None:
            whole[start:stop] = sent.cpu()
    return whole


def _pieces(count: int, rows: Tensor) -> Iterator[tuple[int, int]]:
    """Start and stop of pieces of ``count`` rows such as these."""
    row = max(1, rows[:1].nbytes)
    step = max(1, _BYTES // row)
    return ((start, min(start + step, count)) for start in range(0, count, step))
