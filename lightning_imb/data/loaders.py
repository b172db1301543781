"""Loaders of whole batches."""

from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from lightning_imb.utils.errors import InputError
from lightning_imb.utils.signals import leave_signals_to_the_parent, workers_end_with_us


def make_loader(batches: Dataset[Any], sampler: Sampler[Any], workers: int) -> DataLoader[Any]:
    """A loader of what a sampler asks for.

    Args:
        batches: Answers each request of the sampler with a whole batch; its ``device``, if any, is where that is.
        sampler: Asks.
        workers: Worker processes; none for batches on an accelerator.
    """
    on_cpu = getattr(batches, "device", torch.device("cpu")).type == "cpu"
    if not on_cpu:
        workers = 0  # a batch is a gather on the device, which worker processes cannot reach
    if workers:
        workers_end_with_us()
    # batch_size=None: the sampler already asks for whole batches
    return DataLoader(
        batches,
        batch_size=None,
        sampler=sampler,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available() and on_cpu,
        worker_init_fn=leave_signals_to_the_parent if workers else None,
    )


def worker_count(num_workers: int | str, in_memory: bool) -> int:
    """Worker processes of a loader of images.

    Args:
        num_workers: The setting: a number, or ``auto``: none for images in memory, else 2.
        in_memory: Whether the images are decoded already.

    Raises:
        InputError: If the setting is another word.
    """
    if isinstance(num_workers, int):
        return num_workers
    if num_workers != "auto":
        raise InputError(f"num_workers is auto or a number, not '{num_workers}'")
    return 0 if in_memory else 2
