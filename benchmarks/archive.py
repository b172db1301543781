"""Images of a zip as arrays, decoded by the product."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.case import BenchmarkError
from lightning_imb.data.datasets.image_folder import image_folder
from lightning_imb.data.loading import load_all
from lightning_imb.data.sources import ImageSource
from lightning_imb.utils.errors import InputError


def decode_archive(archive: Path, side: int, classes: int, counts: Mapping[str, int]) -> dict[str, NDArray[np.uint8]]:
    """The first images of every class of a zip with ``{train,test}/<class>/*``, classes in order.

    Args:
        archive: The zip.
        side: Pixels of the images returned.
        classes: K, which the archive has to have.
        counts: Images per class of ``train`` and ``test``.

    Returns:
        uint8 (N, side, side, 3) of each split.

    Raises:
        BenchmarkError: If it holds other classes, fewer images, or no images at all.
    """
    try:
        splits = image_folder(str(archive), side, 3, test_size=None, split_seed=0)
        sources = {"train": splits.train, "test": splits.test}
        return {name: _decode(sources[name], classes, count) for name, count in counts.items()}
    except InputError as error:
        raise BenchmarkError(f"--data {archive} cannot be used: {error}") from None


def _decode(source: ImageSource, classes: int, per_class: int) -> NDArray[np.uint8]:
    found = np.bincount(source.labels, minlength=classes)
    if len(found) > classes or found.min() < per_class:
        raise InputError(f"it has {found.tolist()} images per class instead of {classes} x {per_class}: give CIFAR-10")
    rows = np.concatenate([np.flatnonzero(source.labels == k)[:per_class] for k in range(classes)])
    images, _ = load_all(source, rows)
    return np.ascontiguousarray(images.permute(0, 2, 3, 1).numpy())
