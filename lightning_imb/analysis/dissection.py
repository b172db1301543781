"""Network dissection: which concepts single units of a layer detect.

Bau et al. 2017 (arXiv 1704.05796). A unit is on where its map, brought to the size of the image, is among its own
largest activations of the whole set; it detects a concept as far as the pixels where it is on are those of the concept.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

AT_ONCE = 1 << 23  # activations at image size that are held at a time


class Detectors(NamedTuple):
    """What the units of a layer detect.

    Attributes:
        concept: (U,) the concept of each unit, argmax over concepts of the IoU; -1 where that is 0 for all concepts.
        iou: (U,) its IoU.
        units: Number of units whose IoU is above the threshold: detectors.
        unique: Number of distinct concepts that these units detect.
    """

    concept: NDArray[np.int64]
    iou: NDArray[np.float64]
    units: int
    unique: int


class Overlaps:
    """Sums over images of what units and concepts cover, for their intersection over union.

    Args:
        units: U.
        concepts: C.
    """

    def __init__(self, units: int, concepts: int) -> None:
        self.both = np.zeros((units, concepts))
        self.unit = np.zeros((units, concepts))
        self.concept = np.zeros(concepts)

    def add(self, on: Tensor, masks: Tensor, annotated: Tensor) -> None:
        """Add some pixels of some images.

        Args:
            on: (B, U, P) bool, where the units are on.
            masks: (B, C, P) bool, where the concepts are.
            annotated: (B, C) bool, the images that count for a concept; others are left out of its sums.
        """
        counted = annotated.to(torch.float32)
        present = masks & annotated.unsqueeze(2)
        # float32 counts pixels exactly up to 2^24, more than an image has
        both = torch.bmm(on.float(), present.float().transpose(1, 2))
        self.both += both.double().sum(0).cpu().numpy()
        self.unit += (on.sum(2).double().T @ counted.double()).cpu().numpy()
        self.concept += present.sum((0, 2)).cpu().numpy()

    def iou(self) -> NDArray[np.float64]:
        """``IoU_{u,c}`` (U, C): sums of |B_u and L_c| over sums of |B_u or L_c|; NaN where both are empty."""
        union = self.unit + self.concept - self.both
        return np.divide(self.both, union, out=np.full_like(union, np.nan), where=union > 0)


def detectors(iou: NDArray[np.float64], threshold: float) -> Detectors:
    """Name the concept of each unit and count the detectors.

    Args:
        iou: (U, C).
        threshold: IoU above which a unit counts as a detector of its concept; .04 in Bau et al. 2017.
    """
    filled = np.nan_to_num(iou)  # concepts that are nowhere are detected by nothing
    best = filled.max(axis=1, initial=0.0)
    concept = np.where(best > 0, filled.argmax(axis=1), -1).astype(np.int64)
    found = best > threshold
    return Detectors(concept, best, int(found.sum()), len(np.unique(concept[found])))


def units_on(activations: Tensor, thresholds: Tensor) -> Tensor:
    """Where units are on: activations of at least the threshold, of more than the threshold if that is 0.

    A unit whose quantile is 0 (after a ReLU, mostly silent) would be on everywhere otherwise.

    Args:
        activations: (B, U, P).
        thresholds: (U,) quantile of each unit.

    Returns:
        (B, U, P) bool.
    """
    t = thresholds.unsqueeze(1)
    return (activations >= t) & ((t != 0) | (activations > 0))


def at_image_size(maps: Tensor, size: tuple[int, int], at_once: int = AT_ONCE) -> Iterator[tuple[slice, Tensor]]:
    """Bring maps to the size of the image, bilinearly, a band of pixel rows at a time.

    Args:
        maps: (B, U, h, w).
        size: (H, W) of the image.
        at_once: About how many values may be held at a time.

    Yields:
        Which pixels, as a slice of 0..H*W, and the activations there, (B, U, P).
    """
    height, width = size
    columns = maps @ _bilinear(maps.shape[3], width, maps).T  # (B, U, h, W)
    rows = _bilinear(maps.shape[2], height, maps)
    step = max(1, at_once // (maps.shape[0] * maps.shape[1] * width))
    for top in range(0, height, step):
        band = rows[top : top + step]
        yield slice(top * width, (top + len(band)) * width), (band @ columns).flatten(2)


def _bilinear(small: int, large: int, like: Tensor) -> Tensor:
    """The weights (large, small) by which ``interpolate`` makes a line of pixels of a line of a map."""
    unit = torch.eye(small, dtype=like.dtype, device=like.device).unsqueeze(0)
    return F.interpolate(unit, size=large, mode="linear", align_corners=False)[0].T
