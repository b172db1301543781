"""From image sources to datasets that yield whole batches: in memory where they fit, else streamed."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from lightning_imb.data.batch import Batch, BatchRequest
from lightning_imb.data.embeddings import TensorBatches
from lightning_imb.data.sources import ImageSource, load_all, verify
from lightning_imb.utils.errors import InputError


class ImageSet(NamedTuple):
    """Images ready for training.

    Attributes:
        batches: Dataset that answers a ``BatchRequest`` with a ``Batch`` of uint8 images.
        target: (N,) int64 class indices.
        names: One identifier per image.
        shape: (C, H, W) of every image.
        images: The uint8 tensor (N, C, H, W) when the set is held in memory, else None.
        skipped: Number of images left out because they cannot be decoded.
    """

    batches: Dataset[Batch]
    target: Tensor
    names: list[str]
    shape: tuple[int, int, int]
    images: Tensor | None
    skipped: int


class SourceBatches(Dataset[Batch]):
    """Streams images of one size from a source; worker processes decode them.

    Args:
        source: Where the images are.
        target: (N,) int64 class indices.
    """

    def __init__(self, source: ImageSource, target: Tensor) -> None:
        self.source = source
        self.target = target

    def __len__(self) -> int:
        return len(self.target)

    def __getitem__(self, request: BatchRequest) -> Batch:
        images = torch.stack([self.source.load(int(i)) for i in request.indices])
        return Batch(images, self.target[request.indices], request.key)


def prepare(
    source: ImageSource, indices: NDArray[np.int64], in_memory: bool | str, limit_gb: float, on_bad_image: str
) -> ImageSet:
    """Decode or verify the chosen images of a source.

    Every image is decoded once here, so that a bad one is named before training and not hours into it.

    Args:
        source: Where the images are.
        indices: Rows of the source that are used, in order.
        in_memory: True, False, or ``auto``: in memory if the decoded images take at most ``limit_gb``.
        limit_gb: Bound of ``auto``, in 10^9 bytes.
        on_bad_image: ``error``, or ``skip``: leave bad images out and log how many.

    Raises:
        InputError: If an image cannot be decoded, or images differ in size.
    """
    if in_memory not in (True, False, "auto"):
        raise InputError(f"dataset.in_memory is auto, true or false, not '{in_memory}'")
    if in_memory == "auto":
        in_memory = _size_gb(source, indices) <= limit_gb
    if in_memory:
        images, kept = load_all(source, indices, on_bad_image=on_bad_image)
        target = torch.from_numpy(source.labels[kept])
        batches = TensorBatches(images, target)
        skipped = len(indices) - len(kept)
        return ImageSet(batches, target, _names(source, kept), _shape(images), images, skipped)
    used = source.subset(indices)
    used = used.subset(verify(used, on_bad_image=on_bad_image))
    target = torch.from_numpy(np.asarray(used.labels))
    streamed, shape = SourceBatches(used, target), _shape(used.load(0)[None])
    return ImageSet(streamed, target, list(used.names), shape, None, len(indices) - len(used))


def _size_gb(source: ImageSource, indices: NDArray[np.int64]) -> float:
    for index in indices:
        try:
            return source.load(int(index)).numel() * len(indices) / 1e9
        except InputError:  # a bad image: decoding the set reports or skips it, here any good one will do
            continue
    return 0.0


def _names(source: ImageSource, indices: NDArray[np.int64]) -> list[str]:
    return [source.names[int(i)] for i in indices]


def _shape(images: Tensor) -> tuple[int, int, int]:
    _, channels, height, width = images.shape
    return channels, height, width
