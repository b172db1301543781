"""Which images excite a unit most, and which units are worth looking at."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lightning_imb.utils.checked import checked_choice

VALUES = ("max", "mean")


def unit_values(maps: Tensor, value: str) -> Tensor:
    """One number per image and unit, (B, U): the ``max`` or the ``mean`` of its map (B, U, h, w).

    Raises:
        InputError: Another ``value``.
    """
    checked_choice("value", value, VALUES)
    return maps.amax(dim=(2, 3)) if value == "max" else maps.mean(dim=(2, 3))


class TopImages:
    """The images with the largest values of each unit, kept while they come.

    Args:
        units: U.
        images: k images kept per unit.

    Attributes:
        values: (U, m) float32, the largest first; m is k, or the number of images where there are fewer.
        rows: (U, m) int64; of equal values the image with the smaller row comes first.
    """

    def __init__(self, units: int, images: int) -> None:
        self.images = images
        self.values = np.zeros((units, 0), dtype=np.float32)
        self.rows = np.zeros((units, 0), dtype=np.int64)

    def add(self, values: NDArray[np.float32], rows: NDArray[np.int64]) -> None:
        """Add images: their values (B, U) and rows (B,)."""
        merged = np.concatenate([self.values, values.T], axis=1)
        owners = np.concatenate([self.rows, np.broadcast_to(rows, values.T.shape)], axis=1)
        order = np.lexsort((owners, -merged), axis=1)[:, : self.images]
        self.values, self.rows = np.take_along_axis(merged, order, 1), np.take_along_axis(owners, order, 1)


class ClassValues:
    """Sums of the values of each unit by class, to find the unit that tells a class from the rest.

    Args:
        classes: K.
        units: U.
    """

    def __init__(self, classes: int, units: int) -> None:
        self.count = np.zeros(classes)
        self.sum = np.zeros((classes, units))
        self.square = np.zeros(units)

    def add(self, values: NDArray[np.float32], labels: NDArray[np.int64]) -> None:
        """Add images: their values (B, U) and classes (B,)."""
        exact = values.astype(np.float64)
        self.count += np.bincount(labels, minlength=len(self.count))
        np.add.at(self.sum, labels, exact)
        self.square += (exact**2).sum(axis=0)

    def selectivity(self) -> NDArray[np.float64]:
        """How far the mean of a class stands above that of all other images, (K, U).

        In standard deviations of the unit over all images; 0 for units that never change, NaN for classes without
        images, or without any others beside them.
        """
        images = self.count.sum()
        rest = images - self.count
        with np.errstate(invalid="ignore", divide="ignore"):
            own = self.sum / self.count[:, None]
            others = (self.sum.sum(axis=0) - self.sum) / rest[:, None]
            variance = self.square / images - (self.sum.sum(axis=0) / images) ** 2
        spread = np.sqrt(np.maximum(variance, 0))
        flat = np.where(np.isnan(own - others), np.nan, 0.0)
        selectivity: NDArray[np.float64] = np.divide(own - others, spread, out=flat, where=spread > 0)
        return selectivity


def units_of_classes(scores: NDArray[np.float64], classes: Sequence[int], units: int) -> list[tuple[int, int]]:
    """The best unit of each class in turn, each unit once.

    Args:
        scores: (K, U), larger is better; NaN rows have no unit.
        classes: Whose units are wanted, the most wanted first.
        units: At most as many pairs.

    Returns:
        Pairs (class, unit).
    """
    pairs: list[tuple[int, int]] = []
    left = np.where(np.isnan(scores), -np.inf, scores)
    for c in classes:
        if len(pairs) < units and np.isfinite(left[c]).any():
            unit = int(left[c].argmax())
            pairs.append((int(c), unit))
            left[:, unit] = -np.inf
    return pairs


def spread_classes(counts: Sequence[int], wanted: int) -> list[int]:
    """At most ``wanted`` classes, evenly from the one with the most training images (K,) to the one with the fewest."""
    order = sorted(range(len(counts)), key=lambda c: (-counts[c], c))
    places = np.unique(np.linspace(0, len(order) - 1, min(wanted, len(order))).round().astype(int))
    return [order[place] for place in places]
