"""Batches as pure functions of (seed, epoch, batch): nothing to store, nothing to restore."""

import math
from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Sampler

from lightning_imb.data.batch import BatchRequest

Order = Callable[[int, np.random.Generator], NDArray[np.int64]]
Others = Callable[[NDArray[np.int64], np.random.Generator], NDArray[np.int64]]


class ShuffledBatches(Sampler[BatchRequest]):
    """An epoch of rows in an order that depends on (seed, epoch) alone.

    A resumed run therefore sees the batches it would have seen, and a batch's augmentation is seeded by
    (seed, epoch, batch) through its ``key``. Several processes share the order of a single one, so together they see
    every row exactly as often; they have equally many batches, and their last ones differ by one row at most. Where
    that would leave a process a single row, it joins the batch before, because batch norm cannot train on one value
    per channel.

    Args:
        size: Rows of an epoch, at least ``world_size``.
        batch_size: Rows per batch and rank, >= 1, those of a second stream not counted.
        seed: Seed of the order and of the keys.
        epoch: First epoch; loaders prefetch before ``set_epoch`` is called, so a resumed run gives it here.
        rank: Which of ``world_size`` processes this is; it takes rows rank, rank + world_size, ... of the
            common order.
        world_size: Number of processes.
        start: Batches of the first epoch that are over already, for a fit that was stopped between two batches.
        order: Draws the (size,) rows of an epoch, from the epoch and its random numbers; None takes every row once.
        others: Draws the (size,) rows of a second stream, from the rows of the epoch and random numbers of its own;
            each process takes its share as of the first, and each batch is [its rows, then theirs]. None for none.
    """

    def __init__(
        self,
        size: int,
        batch_size: int,
        seed: int,
        epoch: int = 0,
        rank: int = 0,
        world_size: int = 1,
        start: int = 0,
        order: Order | None = None,
        others: Others | None = None,
    ) -> None:
        self.size = size
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = epoch
        self.rank = rank
        self.world_size = world_size
        self.start = start
        self.order = order
        self.others = others
        self._start_epoch = epoch

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next iteration (Lightning calls this)."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Batches of a whole epoch, also of one that is begun in its middle: Lightning counts those before too."""
        most, fewest = math.ceil(self.size / self.world_size), self.size // self.world_size
        batches = math.ceil(most / self.batch_size)
        last = fewest - (batches - 1) * self.batch_size
        return batches - int(batches > 1 and last < min(2, self.batch_size))

    def __iter__(self) -> Iterator[BatchRequest]:
        mine, theirs = self._shares()
        last = len(self) - 1
        for number in range(self.start if self.epoch == self._start_epoch else 0, last + 1):
            start = number * self.batch_size
            part = slice(start, None if number == last else start + self.batch_size)
            key = batch_key(self.seed, self.epoch, number, self.rank)
            if theirs is None:
                yield BatchRequest(mine[part], key)
            else:
                yield BatchRequest(torch.cat([mine[part], theirs[part]]), key, own=len(mine[part]))

    def _shares(self) -> tuple[Tensor, Tensor | None]:
        """The rows of this process, and of its second stream if there is one."""
        random = np.random.default_rng([self.seed, self.epoch])
        apart = random.spawn(1)[0]  # of the second stream: whatever it draws, the first is as without it
        rows = random.permutation(self.size) if self.order is None else self.order(self.epoch, random)
        assert len(rows) == self.size, "all epochs of a fit are equally long"
        if self.others is None:
            return self._share(rows), None
        others = self.others(rows, apart)
        assert len(others) == self.size, "a second stream has a row for each row of the first"
        return self._share(rows), self._share(others)

    def _share(self, rows: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(rows[self.rank :: self.world_size].copy())


class GroupedBatches(Sampler[list[BatchRequest]]):
    """The batches of another sampler, in its order, several at a time.

    Args:
        batches: The sampler.
        size: Batches per group, >= 1; the last group may be smaller.
    """

    def __init__(self, batches: ShuffledBatches, size: int) -> None:
        self.batches = batches
        self.size = size

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next iteration (Lightning calls this)."""
        self.batches.set_epoch(epoch)

    def __len__(self) -> int:
        return math.ceil(len(self.batches) / self.size)

    def __iter__(self) -> Iterator[list[BatchRequest]]:
        requests = iter(self.batches)
        while group := list(islice(requests, self.size)):
            yield group


def batch_key(seed: int, epoch: int, batch: int, rank: int) -> int:
    """Seed in [0, 2^63) for the random draws of one batch, well mixed from its four coordinates."""
    return int(np.random.SeedSequence([seed, epoch, batch, rank]).generate_state(1, np.uint64)[0] >> np.uint64(1))
