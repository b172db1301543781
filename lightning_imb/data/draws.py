"""Which training images an epoch is made of, and in which order (``conf/sampler``)."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Draw(Protocol):
    """Draws an epoch: a pure function, so that a resumed run and all processes of one run draw the same."""

    def __call__(self, target: NDArray[np.int64], epoch: int, random: np.random.Generator) -> NDArray[np.int64]:
        """As many rows as there are images, in the order in which they are trained on.

        Args:
            target: (N,) class indices of the training images.
            epoch: Counted from 0.
            random: Random numbers of this epoch, seeded by (seed, epoch).

        Returns:
            (N,) indices into ``target``.
        """


def instance(target: NDArray[np.int64], epoch: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Every image once: a class is seen as often as it has images. See `Draw`."""
    return random.permutation(len(target))


def class_balanced(target: NDArray[np.int64], epoch: int, random: np.random.Generator) -> NDArray[np.int64]:
    """A class, each with probability 1/K, then one of its images; with replacement. See `Draw`.

    Source:
        Kang et al. 2020 (arXiv 1910.09217), equation 1 with q = 0.
    """
    present = np.bincount(target) > 0
    return draw_by_class(target, present / present.sum(), random)


def draw_by_class(
    target: NDArray[np.int64], probabilities: Sequence[float] | NDArray[np.float64], random: np.random.Generator
) -> NDArray[np.int64]:
    """Draw classes with given probabilities, then for each an image of the class, uniformly and with replacement.

    Args:
        target: (N,) class indices in 0..K-1.
        probabilities: (K,) of the classes, with sum 1; 0 for a class without images.
        random: Random numbers.

    Returns:
        (N,) indices into ``target``.
    """
    by_class = np.argsort(target, kind="stable")
    counts = np.bincount(target, minlength=len(probabilities))
    first = np.cumsum(counts) - counts
    classes = random.choice(len(counts), size=len(target), p=probabilities)
    rows: NDArray[np.int64] = by_class[first[classes] + random.integers(counts[classes])]
    return rows
