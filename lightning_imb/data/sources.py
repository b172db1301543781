"""Where labelled images come from: arrays in memory, or files in a folder or zip that are decoded on demand.

A source knows its labels and names without decoding anything, so class counts cost nothing.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from lightning_imb.data.decode import ImageSize, check_channels, decode_image, size_pair
from lightning_imb.data.digest import digest
from lightning_imb.data.storage import FileStore, open_store
from lightning_imb.utils.errors import InputError


class ImageSource(Protocol):
    """N labelled images; safe to pickle, to fork and to read from several threads."""

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """(N,) class indices in 0..K-1."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """K names, in label order."""

    @property
    def names(self) -> Sequence[str]:
        """One identifier per image, e.g. its path inside the root."""

    @property
    def groups(self) -> npt.NDArray[np.int64] | None:
        """(N,) which images belong together and must stay in one split; None where each stands alone."""

    @property
    def values(self) -> npt.NDArray[np.float64] | None:
        """(N,) numeric targets, of which the classes are the bins; None where the classes are the targets."""

    def __len__(self) -> int: ...

    def load(self, index: int) -> torch.Tensor:
        """Image ``index`` (C, H, W), uint8; float32 of an `ArraySource` that holds such."""

    def subset(self, indices: npt.ArrayLike) -> "ImageSource":
        """The images at these indices, in that order, as a source of their own."""

    def fingerprint(self) -> str:
        """Hash that changes when the data change, and not when they are copied; nothing is decoded for it."""

    def content_stamp(self) -> str:
        """What changes with an image also where the fingerprint does not; copying the data may change it too."""


class ArraySource:
    """Images held in memory.

    Args:
        images: uint8 (N, C, H, W), C in {1, 3}; or float32, for inputs that are no pictures.
        labels: (N,) integers in 0..K-1.
        class_names: K names.
        names: N identifiers; None numbers the images.
        values: (N,) numeric targets; None where the labels are the targets.

    Raises:
        InputError: When shapes, type, labels or values do not fit.
    """

    groups: npt.NDArray[np.int64] | None = None

    def __init__(
        self,
        images: npt.NDArray[np.uint8] | npt.NDArray[np.float32] | torch.Tensor,
        labels: npt.ArrayLike,
        class_names: Sequence[str],
        names: Sequence[str] | None = None,
        values: npt.ArrayLike | None = None,
    ) -> None:
        self.images = torch.as_tensor(images)
        if self.images.dtype not in (torch.uint8, torch.float32) or self.images.ndim != 4:
            shape = tuple(self.images.shape)
            raise InputError(
                f"images are {self.images.dtype} of shape {shape}: give uint8 or float32 of shape (N, C, H, W)"
            )
        check_channels(self.images.shape[1])
        self.class_names = tuple(class_names)
        self.names: Sequence[str] = names if names is not None else [str(i) for i in range(len(self.images))]
        self.labels = _checked_labels(labels, len(self.images), len(self.names), len(self.class_names))
        self.values = _checked_values(values, len(self.images))

    def __len__(self) -> int:
        return len(self.labels)

    def load(self, index: int) -> torch.Tensor:
        """Image ``index`` (C, H, W)."""
        return self.images[index]

    def subset(self, indices: npt.ArrayLike) -> "ArraySource":
        """Copy of the images at these indices."""
        rows = np.asarray(indices, dtype=np.int64)
        names = [self.names[i] for i in rows]
        values = None if self.values is None else self.values[rows]
        return ArraySource(self.images[torch.from_numpy(rows)], self.labels[rows], self.class_names, names, values)

    def fingerprint(self) -> str:
        """SHA-256 of pixels, labels, names and values."""
        pixels = self.images.contiguous().numpy()
        numbers: list[bytes | memoryview] = [self.labels.tobytes(), pixels.data, *_bytes(self.values)]
        return digest([self.class_names, self.names, [str(pixels.shape)]], numbers)

    def content_stamp(self) -> str:
        """Empty: the fingerprint holds every pixel."""
        return ""


class FileSource:
    """Image files of a folder or zip, decoded one by one when asked for.

    Args:
        root: Folder, zip archive, or an opened store of either.
        names: N paths inside the root.
        labels: (N,) integers in 0..K-1.
        class_names: K names.
        image_size: Side in pixels, (height, width), or None to keep every image's own size.
        channels: 1 for grey, 3 for RGB.
        groups: (N,) which images belong together; None where each stands alone.
        values: (N,) numeric targets; None where the labels are the targets.

    Raises:
        InputError: When the root is missing or lengths, labels and values do not fit.
    """

    def __init__(
        self,
        root: str | Path | FileStore,
        names: Sequence[str],
        labels: npt.ArrayLike,
        class_names: Sequence[str],
        image_size: ImageSize,
        channels: int,
        groups: npt.NDArray[np.int64] | None = None,
        values: npt.ArrayLike | None = None,
    ) -> None:
        check_channels(channels)
        self.store = open_store(root) if isinstance(root, str | Path) else root
        self.names: Sequence[str] = list(names)
        self.class_names = tuple(class_names)
        self.labels = _checked_labels(labels, len(self.names), len(self.names), len(self.class_names))
        self.image_size = size_pair(image_size)
        self.channels = channels
        self.groups = groups
        self.values = _checked_values(values, len(self.names))

    def __len__(self) -> int:
        return len(self.labels)

    def load(self, index: int) -> torch.Tensor:
        """Read and decode image ``index``: uint8 (C, H, W).

        Raises:
            InputError: Naming the file, when it is missing, no image or truncated.
        """
        name = self.names[index]
        return decode_image(self.store.read(name), f"{self.store.root}: {name}", self.image_size, self.channels)

    def subset(self, indices: npt.ArrayLike) -> "FileSource":
        """The files at these indices; the store is shared."""
        rows = np.asarray(indices, dtype=np.int64)
        names = [self.names[i] for i in rows]
        groups = None if self.groups is None else self.groups[rows]
        values = None if self.values is None else self.values[rows]
        return FileSource(
            self.store, names, self.labels[rows], self.class_names, self.image_size, self.channels, groups, values
        )

    def fingerprint(self) -> str:
        """SHA-256 of names, labels, values, decoding options and file sizes (in a zip also the checksums).

        In a folder a file that was replaced by another one of equal size goes unnoticed; see `content_stamp`.
        """
        files = [str(self.image_size), str(self.channels), *map(self.store.stamp, self.names)]
        numbers = [self.labels.tobytes(), *_bytes(self.groups), *_bytes(self.values)]
        return digest([self.class_names, self.names, files], numbers)

    def content_stamp(self) -> str:
        """SHA-256 of place, sizes and times of change of the files; in a zip of their sizes and checksums."""
        return digest([self.store.content_stamps(self.names)])


def _checked_labels(labels: npt.ArrayLike, images: int, names: int, classes: int) -> npt.NDArray[np.int64]:
    array = np.asarray(labels)
    if array.shape != (images,) or names != images:
        raise InputError(
            f"{images} images, {names} names and labels of shape {array.shape}: give one of each per image"
        )
    if images and (array.dtype.kind not in "iu" or array.min() < 0 or array.max() >= classes):
        raise InputError(f"labels must be integers from 0 to {classes - 1}, found {array.min()} to {array.max()}")
    return array.astype(np.int64)


def _checked_values(values: npt.ArrayLike | None, images: int) -> npt.NDArray[np.float64] | None:
    if values is None:
        return None
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (images,) or not np.isfinite(array).all():
        raise InputError(f"{images} images and numeric targets of shape {array.shape}: give a finite one per image")
    return array


def _bytes(array: npt.NDArray[Any] | None) -> list[bytes]:
    return [] if array is None else [array.tobytes()]
