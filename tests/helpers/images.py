"""Builders of small image data sets on disk: trees, zips and csv files."""

import csv
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def pixels(seed: int, height: int = 8, width: int = 8, channels: int = 3) -> np.ndarray:
    """Random uint8 image (H, W, C), or (H, W) for one channel."""
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def write_image(path: Path, array: np.ndarray) -> Path:
    """Save a (H, W[, C]) array; the suffix chooses the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)
    return path


def write_class_folders(root: Path, counts: Mapping[str, int], side: int = 8) -> Path:
    """``root/<class>/NN.png``, every image different."""
    for k, (name, count) in enumerate(counts.items()):
        for i in range(count):
            write_image(root / name / f"{i:02d}.png", pixels(1000 * k + i, side, side))
    return root


def write_splits(root: Path, counts: Mapping[str, Mapping[str, int]]) -> Path:
    """``root/<split>/<class>/NN.png``."""
    for split, classes in counts.items():
        write_class_folders(root / split, classes)
    return root


def write_zip(archive: Path, root: Path, prefix: str = "") -> Path:
    """Stored zip of all files and folders below ``root``, names starting with ``prefix``."""
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(root.rglob("*")):
            packed.write(path, prefix + path.relative_to(root).as_posix())
    return archive


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
    """A csv file with a header."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def truncate(path: Path, keep: int) -> Path:
    """Cut a file to its first ``keep`` bytes."""
    path.write_bytes(path.read_bytes()[:keep])
    return path
