"""Batches in the order of a set, shared by the processes of a run: nothing padded, nothing twice."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import Sampler

from lightning_imb.data.batch import BatchRequest


class OrderedBatches(Sampler[BatchRequest]):
    """All rows once, in order: for evaluation and for embedding the training set.

    Of several processes, rank r takes batches r, r + world_size, ... of those that a single process has. Only where
    there are fewer batches than processes are they made smaller: Lightning refuses a process without a batch.

    Args:
        size: Number of rows, at least ``world_size``.
        batch_size: Rows per batch, >= 1.
        rank: Which of ``world_size`` processes this is.
        world_size: Number of processes.
    """

    def __init__(self, size: int, batch_size: int, rank: int = 0, world_size: int = 1) -> None:
        assert size >= world_size, "the data module refuses sets with fewer images than processes"
        self.size = size
        self.rank = rank
        self.world_size = world_size
        rows = torch.arange(size)
        batches = torch.split(rows, batch_size)
        self._batches = batches if len(batches) >= world_size else torch.tensor_split(rows, world_size)

    def __len__(self) -> int:
        return len(self._of(self.rank))

    def __iter__(self) -> Iterator[BatchRequest]:
        for rows in self._of(self.rank):
            yield BatchRequest(rows.clone(), None)  # or a worker process would be sent the rows of all batches

    def share(self, rank: int) -> Tensor:
        """(M,) rows of the set that a process has, in the order in which it has them."""
        return torch.cat(self._of(rank))

    def _of(self, rank: int) -> tuple[Tensor, ...]:
        return self._batches[rank :: self.world_size]
