"""Rows of an epoch, drawn at random: every image once, or class by class with given probabilities."""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Draw(Protocol):
    """Draws an epoch: a pure function, so that a resumed run and all processes of one run draw the same."""

    def __call__(self, target: NDArray[np.int64], epoch: int, random: np.random.Generator) -> NDArray[np.int64]:
        """The rows of an epoch, in the order in which they are trained on.

        Args:
            target: (N,) class indices of the training images.
            epoch: Counted from 0.
            random: Random numbers of this epoch, seeded by (seed, epoch).

        Returns:
            (M,) indices into ``target``; M is the same in every epoch.
        """


def instance(target: NDArray[np.int64], epoch: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Every image once: a class is seen as often as it has images. See `Draw`."""
    return shuffled(len(target), len(target), random)


def shuffled(rows: int, size: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Rows in random order, all of them before one comes again.

    Args:
        rows: How many there are, >= 1.
        size: How many are drawn, >= 1.
        random: Random numbers.

    Returns:
        (size,) numbers in 0..rows-1.
    """
    return np.concatenate([random.permutation(rows) for _ in range(math.ceil(size / rows))])[:size]


def draw_by_class(
    target: NDArray[np.int64],
    probabilities: Sequence[float] | NDArray[np.float64],
    size: int,
    random: np.random.Generator,
) -> NDArray[np.int64]:
    """Draw classes with given probabilities, then for each an image of the class, uniformly and with replacement.

    Args:
        target: (N,) class indices in 0..K-1.
        probabilities: (K,) of the classes, with sum 1; 0 for a class without images.
        size: How many rows are drawn, >= 1.
        random: Random numbers.

    Returns:
        (size,) indices into ``target``.
    """
    by_class = np.argsort(target, kind="stable")
    counts = np.bincount(target, minlength=len(probabilities))
    first = np.cumsum(counts) - counts
    classes = random.choice(len(counts), size=size, p=probabilities)
    rows: NDArray[np.int64] = by_class[first[classes] + random.integers(counts[classes])]
    return rows


def draw_in_cycles(
    target: NDArray[np.int64],
    probabilities: Sequence[float] | NDArray[np.float64],
    size: int,
    random: np.random.Generator,
) -> NDArray[np.int64]:
    """Draw classes evenly spread and, within a class, all images before one comes again.

    With equal probabilities this is class-aware sampling: a shuffled list of all classes, again and again, and for
    each class a shuffled list of its images, again and again. With others, the j-th draw of class c happens at a time
    that is uniform in ``[j, j + 1) / p_c``; the draws are taken in the order of their times. A class is so drawn
    ``size * p_c`` times, give or take what rounding leaves, instead of with the spread of independent draws.

    Args:
        target: (N,) class indices in 0..K-1.
        probabilities: (K,) of the classes, with sum 1; 0 for a class without images.
        size: How many rows are drawn, >= 1.
        random: Random numbers.

    Returns:
        (size,) indices into ``target``.

    Source:
        Shen et al. 2016 (arXiv 1512.05830), class-aware sampling; as in the code of Kang et al. 2020
        (arXiv 1910.09217), with one image of a class at a time.
    """
    members = np.split(np.argsort(target, kind="stable"), np.cumsum(np.bincount(target, minlength=len(probabilities))))
    times, rows = [], []
    for share, images in zip(probabilities, members[:-1], strict=True):
        if share > 0:
            # at the time size + K at least `size` draws have happened: each class is less than one behind its share
            draws = math.floor((size + len(probabilities)) * share) + 1
            times.append((np.arange(draws) + random.random(draws)) / share)
            rows.append(images[_cycles(len(images), draws, random)])
    order = np.argsort(np.concatenate(times), kind="stable")[:size]
    return np.concatenate(rows)[order]


def _cycles(images: int, draws: int, random: np.random.Generator) -> NDArray[np.int64]:
    """As `shuffled`, in one call also where a class of one image is drawn a thousand times."""
    whole = np.broadcast_to(np.arange(images), (math.ceil(draws / images), images))
    return random.permuted(whole, axis=1).reshape(-1)[:draws]
