"""From image sources to datasets that yield whole batches: in memory where they fit, else streamed."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from lightning_imb.data.batch import Batch, BatchRequest
from lightning_imb.data.cache import ImageCache
from lightning_imb.data.embeddings import TensorBatches
from lightning_imb.data.layout import stack
from lightning_imb.data.sources import ArraySource, ImageSource
from lightning_imb.data.splits import Splits
from lightning_imb.data.statistics import level_counts
from lightning_imb.utils.errors import InputError


class ImageSet(NamedTuple):
    """Images ready for training.

    Attributes:
        batches: Dataset that answers a ``BatchRequest`` with a ``Batch`` of uint8 images, or of float32 inputs.
        target: (N,) int64 class indices.
        names: One identifier per image.
        shape: (C, H, W) of every image.
        images: The tensor (N, C, H, W) when the set is held in memory, else None.
        counts: ``level_counts`` of a streamed set, which was decoded once to verify it, else None.
        skipped: Number of images left out because they cannot be decoded.
        cached: Whether the tensor is mapped from the cache on disk.
        values: (N,) float32 numeric targets, of which ``target`` is the bins; None where classes are the targets.
    """

    batches: Dataset[Batch]
    target: Tensor
    names: list[str]
    shape: tuple[int, int, int]
    images: Tensor | None
    counts: Tensor | None
    skipped: int
    cached: bool
    values: Tensor | None = None

    @property
    def answers(self) -> Tensor:
        """(N,) what a network is to find: numbers where there are some, else classes."""
        return self.target if self.values is None else self.values

    def level_counts(self) -> Tensor:
        """How often each level occurs in each channel, int64 (C, 256)."""
        if self.counts is not None:
            return self.counts
        assert self.images is not None, "a set is either in memory or verified"
        return level_counts(self.images)

    def on(self, device: torch.device) -> "ImageSet":
        """The set with its batches taken on a device, if it is in memory; ``images`` and ``target`` stay."""
        if self.images is None:
            return self
        return self._replace(batches=TensorBatches(self.images.to(device), self.answers.to(device)))


class SourceBatches(Dataset[Batch]):
    """Streams images of one size from a source; worker processes decode them.

    Args:
        source: Where the images are.
        target: (N,) int64 class indices, or float32 numbers.
    """

    def __init__(self, source: ImageSource, target: Tensor) -> None:
        self.source = source
        self.target = target

    def __len__(self) -> int:
        return len(self.target)

    def __getitem__(self, request: BatchRequest) -> Batch:
        images = stack([self.source.load(int(i)) for i in request.indices])
        return Batch(images, self.target[request.indices], request.key, request.own)


def prepare(
    source: ImageSource,
    indices: NDArray[np.int64],
    in_memory: bool | str,
    limit_gb: float,
    on_bad_image: str,
    cache: ImageCache,
) -> ImageSet:
    """Decode or verify the chosen images of a source.

    Every image is decoded once here, unless the cache knows it, so that a bad one is named before training and not
    hours into it.

    Args:
        source: Where the images are.
        indices: Rows of the source that are used, in order.
        in_memory: True, False, or ``auto``: in memory if the decoded images take at most ``limit_gb``.
        limit_gb: Bound of ``auto``, in 10^9 bytes.
        on_bad_image: ``error``, or ``skip``: leave bad images out and log how many.
        cache: Where decoded images are kept from run to run.

    Raises:
        InputError: If an image cannot be decoded, or images differ in size.
    """
    if in_memory not in (True, False, "auto"):
        raise InputError(f"dataset.in_memory is auto, true or false, not '{in_memory}'")
    if in_memory == "auto":
        in_memory = _size_gb(source, indices) <= limit_gb
    if in_memory:
        images, kept, cached = cache.load(source, indices, on_bad_image)
        target, values = torch.from_numpy(source.labels[kept]), _values(source, kept)
        batches = TensorBatches(images, target if values is None else values)
        skipped = len(indices) - len(kept)
        return ImageSet(batches, target, _names(source, kept), _shape(images), images, None, skipped, cached, values)
    if isinstance(source, ArraySource) and source.images.is_floating_point():
        raise InputError(
            f"{len(indices)} samples of real numbers are held in memory, but dataset.in_memory is false or they are "
            f"larger than memory_limit_gb={limit_gb:g}: set dataset.in_memory=true, or use fewer"
        )
    used = source.subset(indices)
    good, shape, counts = cache.verify(used, on_bad_image)
    used = used.subset(good)
    target, values = torch.from_numpy(np.asarray(used.labels)), _values(used, np.arange(len(used)))
    streamed, skipped = SourceBatches(used, target if values is None else values), len(indices) - len(used)
    return ImageSet(streamed, target, list(used.names), shape, None, counts, skipped, False, values)


def prepare_sets(
    splits: Splits,
    train: NDArray[np.int64],
    val: NDArray[np.int64] | None,
    wants_val: bool,
    prepared: Callable[[ImageSource, NDArray[np.int64]], ImageSet],
) -> dict[str, ImageSet]:
    """Every split of a data set, by name.

    Args:
        splits: The data set.
        train: Rows of ``splits.train`` that are trained on.
        val: Those that validate; None where none are held out.
        wants_val: Whether a validation split that the data set brings is used.
        prepared: Prepares rows of a source.
    """
    sets = {"train": prepared(splits.train, train)}
    if val is not None:
        sets["val"] = prepared(splits.train, val)
    elif splits.val is not None and wants_val:
        sets["val"] = prepared(splits.val, np.arange(len(splits.val)))
    return sets | {"test": prepared(splits.test, np.arange(len(splits.test)))}


def _values(source: ImageSource, rows: NDArray[np.int64]) -> Tensor | None:
    return None if source.values is None else torch.from_numpy(source.values[rows].astype(np.float32))


def _size_gb(source: ImageSource, indices: NDArray[np.int64]) -> float:
    for index in indices:
        try:
            return source.load(int(index)).nbytes * len(indices) / 1e9
        except InputError:  # a bad image: decoding the set reports or skips it, here any good one will do
            continue
    return 0.0


def _names(source: ImageSource, indices: NDArray[np.int64]) -> list[str]:
    return [source.names[int(i)] for i in indices]


def _shape(images: Tensor) -> tuple[int, int, int]:
    _, channels, height, width = images.shape
    return channels, height, width
