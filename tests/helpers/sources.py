"""Small sources of images: files in a tree, and arrays."""

import numpy as np

from helpers.images import pixels
from lightning_imb.data.sources import ArraySource, FileSource

NAMES = ["a/00.png", "a/01.png", "a/02.png", "b/00.png", "b/01.png"]
LABELS = [0, 0, 0, 1, 1]


def source_of(root, names=NAMES, labels=None, image_size=None, channels=3):
    return FileSource(root, names, labels or [i % 2 for i in range(len(names))], ("a", "b"), image_size, channels)


def array_source(n=6):
    images = np.stack([pixels(i).transpose(2, 0, 1) for i in range(n)])
    return ArraySource(images, [i % 2 for i in range(n)], ["a", "b"]), images
