"""Which images an analysis looks at where it cannot look at all: drawn once, spread over the classes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def spread_over_classes(rows: Sequence[int], labels: NDArray[np.int64], most: int | None, seed: int) -> list[int]:
    """Some of the rows, as equally many of each class as there are.

    Args:
        rows: To choose from.
        labels: (N,) classes of all rows of the split.
        most: How many at most; None for all.
        seed: Of the draw.

    Returns:
        Rows, ascending.
    """
    if most is None or len(rows) <= most:
        return sorted(rows)
    return sorted(_in_turn(_shuffled_by(np.asarray(rows), labels[np.asarray(rows)], seed), most))


def right_and_wrong(
    rows: Sequence[int], labels: NDArray[np.int64], predicted: NDArray[np.int64], count: int, seed: int
) -> list[int]:
    """Images whose class a network predicts and images whose class it misses, half of each where there are as many.

    Args:
        rows: To choose from.
        labels: (N,) classes of all rows of the split.
        predicted: (N,) predicted classes of all rows of the split.
        count: How many at most.
        seed: Of the draw.

    Returns:
        Rows: the right ones, then the wrong ones, each spread over the classes and in their order.
    """
    every = np.asarray(rows, dtype=np.int64)
    right = every[labels[every] == predicted[every]]
    wrong = every[labels[every] != predicted[every]]
    of_wrong = min(len(wrong), max(count // 2, count - len(right)))
    kinds = ((right, min(len(right), count - of_wrong)), (wrong, of_wrong))
    chosen = [_in_turn(_shuffled_by(kind, labels[kind], seed), size) for kind, size in kinds]
    return [row for part in chosen for row in sorted(part, key=lambda row: (labels[row], row))]


def _shuffled_by(rows: NDArray[np.int64], labels: NDArray[np.int64], seed: int) -> list[list[int]]:
    """The rows of each class in a drawn order, the classes in one too: not all may get a turn."""
    rng = np.random.default_rng(seed)
    return [rng.permutation(rows[labels == k]).tolist() for k in rng.permutation(np.unique(labels))]


def _in_turn(classes: Sequence[list[int]], count: int) -> list[int]:
    """One row of each class in turn, until there are enough."""
    turns = sorted((turn, k, row) for k, rows in enumerate(classes) for turn, row in enumerate(rows))
    return [row for _, _, row in turns[:count]]
