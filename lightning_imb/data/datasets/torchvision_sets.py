"""CIFAR-10, CIFAR-100, Fashion-MNIST and SVHN in the files that torchvision downloads."""

import logging
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torchvision import datasets

from lightning_imb.data.datasets.arrays import fit_images
from lightning_imb.data.decode import ImageSize
from lightning_imb.data.sources import ArraySource
from lightning_imb.data.splits import Splits
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.lock import locked

log = logging.getLogger(__name__)

_Set = TypeVar("_Set")


def cifar10(root: str, download: bool, image_size: ImageSize, channels: int) -> Splits:
    """CIFAR-10: 32 x 32 RGB, 5,000 training and 1,000 test images of each of 10 classes (Krizhevsky 2009).

    Args:
        root: Folder that holds, or will hold, ``cifar-10-batches-py/``.
        download: Whether missing files are fetched.
        image_size: Side in pixels, [height, width], or None for the data set's own.
        channels: 3 for RGB, 1 for grey.

    Raises:
        InputError: When the files are absent and not to be downloaded, or the download fails.
    """
    return _cifar(datasets.CIFAR10, "cifar-10-batches-py/", root, download, image_size, channels)


def cifar100(root: str, download: bool, image_size: ImageSize, channels: int) -> Splits:
    """CIFAR-100: 32 x 32 RGB, 500 training and 100 test images of each of 100 classes (Krizhevsky 2009).

    Arguments and errors as `cifar10`; the folder is ``cifar-100-python/``.
    """
    return _cifar(datasets.CIFAR100, "cifar-100-python/", root, download, image_size, channels)


def fashion_mnist(root: str, download: bool, image_size: ImageSize, channels: int) -> Splits:
    """Fashion-MNIST: 28 x 28 grey, 6,000 training and 1,000 test images of each of 10 classes.

    Source: Xiao et al. 2017. Arguments and errors as `cifar10`; the folder is ``FashionMNIST/raw/``.
    """

    def part(train: bool) -> ArraySource:
        found = _open(
            lambda: datasets.FashionMNIST(root, train=train, download=download),
            "FashionMNIST/raw/",
            root,
            download,
        )
        images = fit_images(found.data.numpy()[:, None], image_size, channels)
        return _named(images, found.targets.numpy(), found.classes, train)

    return Splits(part(True), None, part(False))


def svhn(root: str, download: bool, image_size: ImageSize, channels: int) -> Splits:
    """SVHN, cropped: 32 x 32 RGB house-number digits, 73,257 training and 26,032 test images.

    The classes 0..9 are imbalanced by themselves (4,659 to 13,861 training images). Source: Netzer et al.
    2011. Arguments and errors as `cifar10`; the files are ``train_32x32.mat`` and ``test_32x32.mat``.
    """

    def part(train: bool) -> ArraySource:
        split = "train" if train else "test"
        found = _open(lambda: datasets.SVHN(root, split=split, download=download), f"{split}_32x32.mat", root, download)
        images = fit_images(np.ascontiguousarray(found.data), image_size, channels)
        return _named(images, found.labels, [str(digit) for digit in range(10)], train)

    return Splits(part(True), None, part(False))


def _cifar(
    kind: type[datasets.CIFAR10], files: str, root: str, download: bool, image_size: ImageSize, channels: int
) -> Splits:
    def part(train: bool) -> ArraySource:
        found = _open(lambda: kind(root, train=train, download=download), files, root, download)
        images = np.ascontiguousarray(found.data.transpose(0, 3, 1, 2))
        return _named(fit_images(images, image_size, channels), np.array(found.targets), found.classes, train)

    return Splits(part(True), None, part(False))


def _named(images: torch.Tensor, labels: npt.NDArray[np.int64], class_names: list[str], train: bool) -> ArraySource:
    prefix = "train" if train else "test"
    return ArraySource(images, labels, class_names, [f"{prefix}/{i:05d}" for i in range(len(images))])


def _open(build: Callable[[], _Set], files: str, root: str, download: bool) -> _Set:
    """Build a torchvision data set; its errors (absent, corrupt, no network) become one sentence."""
    try:
        with _one_at_a_time(Path(root)) if download else nullcontext():
            return build()
    except (RuntimeError, OSError, ValueError, AssertionError) as error:  # the last two: damaged idx files
        wanted = Path(root) / files
        if download:
            raise InputError(f"the download to {root} failed ({error}): put {wanted} there by hand") from error
        raise InputError(
            f"{wanted} is missing or damaged: set dataset.download=true, or put it there, or set dataset.root"
        ) from error


def _one_at_a_time(root: Path) -> AbstractContextManager[object]:
    """Let one process download: others, of the same run (DDP) or of another one, wait and find the files."""
    if root.is_dir() and not os.access(root, os.W_OK):  # nothing can be downloaded here, only read
        return nullcontext()
    return locked(root / ".download.lock", lambda: log.info("waiting for the download of another process to %s", root))
