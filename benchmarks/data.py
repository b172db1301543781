"""The images that both sides work on: CIFAR-10, or random ones of its shape, as arrays in a folder."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.case import Settings

CLASSES = 10
SIDE = 32
PER_CLASS = {"train": 5000, "test": 1000}
PER_CLASS_QUICK = {"train": 24, "test": 6}
FEW = "few"
"""Sub-folder with the test images and only a handful of training images."""
PER_CLASS_FEW = 24  # enough for one batch, few enough that an epoch costs next to nothing

Images = NDArray[np.uint8]
Labels = NDArray[np.int64]


def write_images(folder: Path, archive: Path | None, quick: bool) -> str:
    """Write ``{train,test}_{images,labels}.npy``: uint8 (N, 32, 32, 3) and int64 (N,), classes in order.

    Args:
        folder: Where to; made if missing.
        archive: ``cifar10.zip`` with ``{train,test}/<class>/*``; None draws random images instead.
        quick: Write a toy set.

    Returns:
        What the data are, for the table.

    Raises:
        BenchmarkError: If the archive is not CIFAR-10.
    """
    (folder / FEW).mkdir(parents=True, exist_ok=True)
    counts = PER_CLASS_QUICK if quick else PER_CLASS
    decoded = {} if archive is None else _decoded(archive, counts)
    for split, per_class in counts.items():
        labels = np.repeat(np.arange(CLASSES), per_class)
        images = decoded[split] if archive is not None else _random(len(labels), seed=per_class)
        _save(folder, split, images, labels)
        some = _first_of_each_class(labels, PER_CLASS_FEW) if split == "train" else slice(None)
        _save(folder / FEW, split, images[some], labels[some])
    total = f"{CLASSES * counts['train']:,} + {CLASSES * counts['test']:,} images"
    return f"random images, {total}" if archive is None else f"CIFAR-10 from {archive.name}, {total}"


def read_images(folder: Path, split: str) -> tuple[Images, Labels]:
    """Images (N, 32, 32, 3) and labels (N,) of ``train`` or ``test``."""
    return np.load(folder / f"{split}_images.npy"), np.load(folder / f"{split}_labels.npy")


def long_tail(settings: Settings, labels: Labels) -> Labels:
    """Rows of the exponential long tail that the published scripts train on, as the product chooses them."""
    from lightning_imb.data.profiles import exponential_profile, subsample

    counts = exponential_profile(np.bincount(labels).tolist(), tail_ratio(settings))
    return subsample(labels, counts, seed=0, selection="random")


def tail_ratio(settings: Settings) -> int:
    """Largest over smallest class."""
    return settings.size(100, 4)


def _save(folder: Path, split: str, images: Images, labels: Labels) -> None:
    np.save(folder / f"{split}_images.npy", images)
    np.save(folder / f"{split}_labels.npy", labels)


def _random(number: int, seed: int) -> Images:
    return np.random.default_rng(seed).integers(0, 256, (number, SIDE, SIDE, 3), dtype=np.uint8)


def _first_of_each_class(labels: Labels, number: int) -> Labels:
    return np.concatenate([np.flatnonzero(labels == k)[:number] for k in range(CLASSES)])


def _decoded(archive: Path, counts: dict[str, int]) -> dict[str, Images]:
    from benchmarks.archive import decode_archive  # imports torch, which --list can do without

    return decode_archive(archive, SIDE, CLASSES, counts)
