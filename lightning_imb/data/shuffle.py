"""Batches as pure functions of (seed, epoch, batch): nothing to store, nothing to restore."""

import math
from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch
from torch.utils.data import Sampler

from lightning_imb.data.batch import BatchRequest


class ShuffledBatches(Sampler[BatchRequest]):
    """All rows once per epoch in an order that depends on (seed, epoch) alone.

    A resumed run therefore sees the batches it would have seen, and a batch's augmentation is seeded by
    (seed, epoch, batch) through its ``key``. A single left-over row joins the batch before it, because
    batch norm cannot train on one value per channel.

    Args:
        size: Number of rows.
        batch_size: Rows per batch and rank, >= 1.
        seed: Seed of the order and of the keys.
        epoch: First epoch; loaders prefetch before ``set_epoch`` is called, so a resumed run gives it here.
        rank: Which of ``world_size`` processes this is; it takes rows rank, rank + world_size, ... of the
            common order, padded from its start so that all ranks have the same number.
        world_size: Number of processes.
    """

    def __init__(
        self, size: int, batch_size: int, seed: int, epoch: int = 0, rank: int = 0, world_size: int = 1
    ) -> None:
        self.size = size
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = epoch
        self.rank = rank
        self.world_size = world_size

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next iteration (Lightning calls this)."""
        self.epoch = epoch

    def __len__(self) -> int:
        rows = math.ceil(self.size / self.world_size)
        batches = math.ceil(rows / self.batch_size)
        return batches - int(batches > 1 and self.batch_size > 1 and rows % self.batch_size == 1)

    def __iter__(self) -> Iterator[BatchRequest]:
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.size)
        order = np.resize(order, math.ceil(self.size / self.world_size) * self.world_size)
        mine = torch.from_numpy(order[self.rank :: self.world_size].copy())
        last = len(self) - 1
        for number in range(last + 1):
            start = number * self.batch_size
            stop = None if number == last else start + self.batch_size
            yield BatchRequest(mine[start:stop], batch_key(self.seed, self.epoch, number, self.rank))


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


class OrderedBatches(Sampler[BatchRequest]):
    """All rows once, in order, nothing padded: for evaluation and for embedding the training set.

    Args:
        size: Number of rows.
        batch_size: Rows per batch.
    """

    def __init__(self, size: int, batch_size: int) -> None:
        self.size = size
        self.batch_size = batch_size

    def __len__(self) -> int:
        return math.ceil(self.size / self.batch_size)

    def __iter__(self) -> Iterator[BatchRequest]:
        for start in range(0, self.size, self.batch_size):
            yield BatchRequest(torch.arange(start, min(start + self.batch_size, self.size)), None)


def batch_key(seed: int, epoch: int, batch: int, rank: int) -> int:
    """Seed in [0, 2^63) for the random draws of one batch, well mixed from its four coordinates."""
    return int(np.random.SeedSequence([seed, epoch, batch, rank]).generate_state(1, np.uint64)[0] >> np.uint64(1))
