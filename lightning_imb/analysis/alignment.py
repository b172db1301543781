"""How well a heat map agrees with a region, such as a lesion: overlap and pointing game.

A heat map A in [0, 1]^(H, W) is compared with regions G in {0, 1}^(R, H, W): its own, or R others as a level of chance.
Boxes are regions too; they are half-open: rows y1..y2-1, columns x1..x2-1.

Source:
    Public code that goes with arXiv 2204.01729 (``imba_explain``: ``overlap.py``, ``pointing_game.py``). That it is the
    code of the paper is our reading. Chance and the macro form of the pointing game are additions of this project.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_TINY = 1e-8  # below each fraction, as in the public code: a map of zeros has IoR 0


class Overlap(NamedTuple):
    """Three shares of the overlap, each (R,) float64 in [0, 1].

    Attributes:
        iou: ``sum(A G) / (sum G + sum A - sum(A G))``.
        iobb: ``sum(A G) / sum G``: how much of the region is lit.
        ior: ``sum(A G) / sum A``: how much of the light falls on the region.
    """

    iou: NDArray[Any]
    iobb: NDArray[Any]
    ior: NDArray[Any]


class Pointing(NamedTuple):
    """The pointing game of one map with R regions.

    Attributes:
        points: How many pixels are as bright as the k-th brightest one; 0 for a map of zeros, which points nowhere.
        hits: (R,) how many of them lie in the region.
        hit: (R,) 1 where the brightest pixel (the first of several) lies in the region, else 0; 0 for a map of zeros.
    """

    points: int
    hits: NDArray[Any]
    hit: NDArray[Any]


def overlap(heat: NDArray[Any], regions: NDArray[np.bool_], threshold: float | None = None) -> Overlap:
    """Intersection over union, over the region ("bounding box") and over the map ("region" of the code's names).

    Args:
        heat: (H, W) in [0, 1].
        regions: (R, H, W).
        threshold: None for the soft measures; a number in (0, 1] for the hard ones, of ``A >= threshold``.
    """
    lit = (heat if threshold is None else heat >= threshold).reshape(-1).astype(np.float64)
    flat = regions.reshape(len(regions), heat.size)
    shared, inside, light = flat @ lit, flat.sum(axis=1), lit.sum()
    return Overlap(shared / (inside + light - shared + _TINY), shared / (inside + _TINY), shared / (light + _TINY))


def pointing(heat: NDArray[Any], regions: NDArray[np.bool_], top: int = 1) -> Pointing:
    """Whether the brightest pixels lie in the region.

    Args:
        heat: (H, W), >= 0.
        regions: (R, H, W).
        top: k, 1..H W: pixels at least as bright as the k-th brightest one point; ties count as several points.

    Returns:
        To be summed over maps: ``sum hits / sum points`` is the score of the public code (micro), the mean of ``hit``
        the one in which all maps count the same (macro).
    """
    flat, within = heat.reshape(-1), regions.reshape(len(regions), heat.size)
    if not flat.any():
        nowhere = np.zeros(len(regions))
        return Pointing(0, nowhere, nowhere)
    pixels = np.flatnonzero(flat >= np.partition(flat, -top)[-top])
    return Pointing(
        len(pixels), within[:, pixels].sum(axis=1).astype(np.float64), within[:, flat.argmax()].astype(np.float64)
    )


class Alignment(NamedTuple):
    """All measures of one map with each of R regions, (R,) float64 except ``points``.

    Attributes:
        iou, iobb, ior: Soft, as `Overlap`.
        hard_iou, hard_iobb, hard_ior: Of the map cut at a threshold.
        hits, points, hit: As `Pointing`.
    """

    iou: NDArray[Any]
    iobb: NDArray[Any]
    ior: NDArray[Any]
    hard_iou: NDArray[Any]
    hard_iobb: NDArray[Any]
    hard_ior: NDArray[Any]
    hits: NDArray[Any]
    hit: NDArray[Any]
    points: int


def align(heat: NDArray[Any], regions: NDArray[np.bool_], threshold: float, top: int = 1) -> Alignment:
    """Every measure of one map with R regions.

    Args:
        heat: (H, W) in [0, 1].
        regions: (R, H, W).
        threshold: Of the hard measures, in (0, 1].
        top: Of the pointing game, 1..H W.
    """
    pointed = pointing(heat, regions, top)
    return Alignment(
        *overlap(heat, regions), *overlap(heat, regions, threshold), pointed.hits, pointed.hit, pointed.points
    )
