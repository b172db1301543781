"""Synthetic embeddings with the class sizes of a long tail: what a ResNet-32 would hand to an over-sampler."""

import numpy as np
from numpy.typing import NDArray

from lightning_imb.data.profiles import exponential


def clustered_rows(counts: list[int], width: int, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Overlapping clusters after a ReLU: X (N, width) float32, non-negative, and labels y (N,) in order.

    Args:
        counts: Rows of every class.
        width: D.
        seed: Of the draws.
    """
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    centres = rng.standard_normal((len(counts), width), dtype=np.float32)
    rows = rng.standard_normal((len(labels), width), dtype=np.float32)
    for start in range(0, len(rows), 4096):  # in place: the largest set has nearly a gigabyte
        part = slice(start, start + 4096)
        rows[part] += 0.5 * centres[labels[part]]
    return np.maximum(rows, 0, out=rows), labels


def long_tailed_rows(max_count: int, width: int = 64) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Ten clusters of the sizes of an exponential 100:1 tail below ``max_count``."""
    return clustered_rows(exponential(max_count, 10, 100), width)
