"""Decoding all images of a source: into one tensor, or only to see that they can be decoded."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from lightning_imb.data.decode import decode_each
from lightning_imb.data.layout import empty_images, take
from lightning_imb.data.sources import ArraySource, ImageSource
from lightning_imb.data.statistics import level_counts
from lightning_imb.data.storage import BadImageError
from lightning_imb.utils.errors import InputError

log = logging.getLogger(__name__)


class NoImageLeftError(InputError):
    """Every image was skipped."""


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
