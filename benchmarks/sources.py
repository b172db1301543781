"""The benchmark's images as a data set of the product; a config names this instead of CIFAR-10's files."""

from pathlib import Path

import numpy as np

from benchmarks.data import CLASSES, read_images
from lightning_imb.data.datasets.arrays import fit_images
from lightning_imb.data.decode import ImageSize
from lightning_imb.data.sources import ArraySource
from lightning_imb.data.splits import Splits


def saved_arrays(root: str, download: bool, image_size: ImageSize, channels: int) -> Splits:
    """Images written by ``benchmarks.data.write_images``.

    Args:
        root: Their folder.
        download: Not used; ``conf/dataset/cifar10.yaml`` gives it.
        image_size: Side in pixels, or None for 32.
        channels: 3 for RGB, 1 for grey.
    """
    return Splits(_part(root, "train", image_size, channels), None, _part(root, "test", image_size, channels))


def _part(root: str, split: str, image_size: ImageSize, channels: int) -> ArraySource:
    images, labels = read_images(Path(root), split)
    planes = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    return ArraySource(fit_images(planes, image_size, channels), labels, [str(k) for k in range(CLASSES)])
