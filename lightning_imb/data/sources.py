"""Where labelled images come from: arrays in memory, or files in a folder or zip that are decoded on demand.

A source knows its labels and names without decoding anything, so class counts cost nothing.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch

from lightning_imb.data.decode import ImageSize, check_channels, decode_each, decode_image, size_pair
from lightning_imb.data.digest import digest
from lightning_imb.data.layout import empty_images, take
from lightning_imb.data.statistics import level_counts
from lightning_imb.data.storage import BadImageError, FileStore, open_store
from lightning_imb.utils.errors import InputError

log = logging.getLogger(__name__)


class NoImageLeftError(InputError):
    """Every image was skipped."""


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

    def __len__(self) -> int: ...

    def load(self, index: int) -> torch.Tensor:
        """Image ``index`` as uint8 (C, H, W)."""

    def subset(self, indices: npt.ArrayLike) -> "ImageSource":
        """The images at these indices, in that order, as a source of their own."""

    def fingerprint(self) -> str:
        """Hash that changes when the data change; nothing is decoded for it."""


class ArraySource:
    """Images held in memory.

    Args:
        images: uint8 (N, C, H, W), C in {1, 3}.
        labels: (N,) integers in 0..K-1.
        class_names: K names.
        names: N identifiers; None numbers the images.

    Raises:
        InputError: When shapes, type or labels do not fit.
    """

    def __init__(
        self,
        images: npt.NDArray[np.uint8] | torch.Tensor,
        labels: npt.ArrayLike,
        class_names: Sequence[str],
        names: Sequence[str] | None = None,
    ) -> None:
        self.images = torch.as_tensor(images)
        if self.images.dtype != torch.uint8 or self.images.ndim != 4:
            shape = tuple(self.images.shape)
            raise InputError(f"images are {self.images.dtype} of shape {shape}: give uint8 of shape (N, C, H, W)")
        check_channels(self.images.shape[1])
        self.class_names = tuple(class_names)
        self.names: Sequence[str] = names if names is not None else [str(i) for i in range(len(self.images))]
        self.labels = _checked_labels(labels, len(self.images), len(self.names), len(self.class_names))

    def __len__(self) -> int:
        return len(self.labels)

    def load(self, index: int) -> torch.Tensor:
        """Image ``index`` as uint8 (C, H, W)."""
        return self.images[index]

    def subset(self, indices: npt.ArrayLike) -> "ArraySource":
        """Copy of the images at these indices."""
        rows = np.asarray(indices, dtype=np.int64)
        names = [self.names[i] for i in rows]
        return ArraySource(self.images[torch.from_numpy(rows)], self.labels[rows], self.class_names, names)

    def fingerprint(self) -> str:
        """SHA-256 of pixels, labels and names."""
        pixels = self.images.contiguous().numpy()
        return digest([self.class_names, self.names, [str(pixels.shape)]], [self.labels.tobytes(), pixels.data])


class FileSource:
    """Image files of a folder or zip, decoded one by one when asked for.

    Args:
        root: Folder, zip archive, or an opened store of either.
        names: N paths inside the root.
        labels: (N,) integers in 0..K-1.
        class_names: K names.
        image_size: Side in pixels, (height, width), or None to keep every image's own size.
        channels: 1 for grey, 3 for RGB.

    Raises:
        InputError: When the root is missing or lengths and labels do not fit.
    """

    def __init__(
        self,
        root: str | Path | FileStore,
        names: Sequence[str],
        labels: npt.ArrayLike,
        class_names: Sequence[str],
        image_size: ImageSize,
        channels: int,
    ) -> None:
        check_channels(channels)
        self.store = open_store(root) if isinstance(root, str | Path) else root
        self.names: Sequence[str] = list(names)
        self.class_names = tuple(class_names)
        self.labels = _checked_labels(labels, len(self.names), len(self.names), len(self.class_names))
        self.image_size = size_pair(image_size)
        self.channels = channels

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
        return FileSource(self.store, names, self.labels[rows], self.class_names, self.image_size, self.channels)

    def fingerprint(self) -> str:
        """SHA-256 of names, labels, decoding options and file sizes (in a zip also the checksums).

        In a folder a file that was replaced by another one of equal size goes unnoticed.
        """
        files = [str(self.image_size), str(self.channels), *map(self.store.stamp, self.names)]
        return digest([self.class_names, self.names, files], [self.labels.tobytes()])


def load_all(
    source: ImageSource,
    indices: npt.ArrayLike,
    on_bad_image: str = "error",
    workers: int | None = None,
    setting: str = "dataset.on_bad_image",
) -> tuple[torch.Tensor, npt.NDArray[np.int64]]:
    """Decode images into one tensor.

    Args:
        source: Where they come from.
        indices: (M,) which ones, in this order.
        on_bad_image: ``error`` stops at the first image that cannot be decoded; ``skip`` leaves such
            images out and logs how many and which.
        workers: Threads; None takes one per CPU core. The result does not depend on it.
        setting: What error messages call ``on_bad_image``.

    Returns:
        Images uint8 (M', C, H, W), stored as (M', H, W, C), and their M' <= M indices into ``source``.

    Raises:
        InputError: For a bad image, images of different sizes, or when no image is left.
    """
    rows = np.asarray(indices, dtype=np.int64)
    with _hint(setting):
        shape = _first_shape(source, rows, on_bad_image, setting)
        if isinstance(source, ArraySource):
            return take(source.images, torch.from_numpy(rows)), rows
        images = empty_images(len(rows), shape)
        good = _decode_rows(source, rows, shape, on_bad_image, workers, images.__setitem__)
    return (images if good.all() else images[torch.from_numpy(good)]), rows[good]


class Verified(NamedTuple):
    """What is known of images that were all decoded once.

    Attributes:
        good: Indices of the images that can be decoded, ascending.
        shape: (C, H, W) of every image.
        counts: Their ``level_counts``, int64 (C, 256).
    """

    good: npt.NDArray[np.int64]
    shape: tuple[int, int, int]
    counts: torch.Tensor


def verify(source: ImageSource, on_bad_image: str = "error", workers: int | None = None) -> Verified:
    """Decode every image once and keep none, to find bad files before a streaming run starts.

    Args:
        source: The images.
        on_bad_image: ``error`` or ``skip``, as in `load_all`.
        workers: Threads; None takes one per CPU core.

    Raises:
        InputError: As `load_all`.
    """
    rows, lock = np.arange(len(source), dtype=np.int64), Lock()
    with _hint("dataset.on_bad_image"):
        shape = _first_shape(source, rows, on_bad_image, "dataset.on_bad_image")
        counts = torch.zeros(shape[0], 256, dtype=torch.int64)

        def count(position: int, image: torch.Tensor) -> None:
            found = level_counts(image[None])
            with lock:
                counts.add_(found)

        good = _decode_rows(source, rows, shape, on_bad_image, workers, count)
    return Verified(rows[good], (shape[0], shape[1], shape[2]), counts)


@contextmanager
def _hint(setting: str) -> Iterator[None]:
    """Add to the message of a bad image that it can be skipped."""
    try:
        yield
    except BadImageError as error:
        raise BadImageError(f"{error}, or set {setting}=skip") from error


def _first_shape(source: ImageSource, rows: npt.NDArray[np.int64], on_bad_image: str, setting: str) -> torch.Size:
    if on_bad_image not in ("error", "skip"):
        raise InputError(f"{setting}={on_bad_image!r} is unknown: use error or skip")
    for row in rows:
        try:
            return source.load(int(row)).shape
        except BadImageError:
            if on_bad_image == "error":
                raise
    raise NoImageLeftError(f"none of the {len(rows)} images can be decoded: check the folder or the files")


def _decode_rows(
    source: ImageSource,
    rows: npt.NDArray[np.int64],
    shape: torch.Size,
    on_bad_image: str,
    workers: int | None,
    keep: Callable[[int, torch.Tensor], None],
) -> npt.NDArray[np.bool_]:
    """Decode rows of one size; returns the mask (M,) of the good ones."""

    def load(position: int) -> torch.Tensor:
        return source.load(int(rows[position]))

    def visit(position: int, image: torch.Tensor) -> None:
        if image.shape != shape:
            name = source.names[int(rows[position])]
            found, expected = tuple(image.shape), tuple(shape)
            raise InputError(f"{name} is {found}, other images are {expected} (C, H, W): set dataset.image_size")
        keep(position, image)

    good = decode_each(load, len(rows), on_bad_image, workers, visit)
    log_skipped([source.names[int(row)] for row in rows[~good]], len(rows))
    return good


def log_skipped(skipped: Sequence[str], total: int) -> None:
    """Say which of ``total`` images were left out, if any were."""
    if skipped:
        shown = ", ".join(skipped[:10]) + (", ..." if len(skipped) > 10 else "")
        log.warning("skipped %d of %d images that cannot be decoded: %s", len(skipped), total, shown)


def _checked_labels(labels: npt.ArrayLike, images: int, names: int, classes: int) -> npt.NDArray[np.int64]:
    array = np.asarray(labels)
    if array.shape != (images,) or names != images:
        raise InputError(
            f"{images} images, {names} names and labels of shape {array.shape}: give one of each per image"
        )
    if images and (array.dtype.kind not in "iu" or array.min() < 0 or array.max() >= classes):
        raise InputError(f"labels must be integers from 0 to {classes - 1}, found {array.min()} to {array.max()}")
    return array.astype(np.int64)
