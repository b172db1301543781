"""How many spots units light up inside the marked regions of an image."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

COUNTS = ("components", "units")
# pixels that touch by a side or a corner are one spot; units are apart from one another
_TOUCHING = np.stack([np.zeros((3, 3)), np.ones((3, 3)), np.zeros((3, 3))]).astype(int)


def concept_count(on: NDArray[np.bool_], region: NDArray[np.bool_], what: str) -> int:
    """Concepts encoded in one image: what units light up inside its marked regions, summed over units.

    Args:
        on: (U, H, W), where the units are on.
        region: (H, W), the union of the marked regions of the image.
        what: ``components`` counts the connected spots of each unit, ``units`` the units with at least one.

    Source:
        Public code that goes with arXiv 2204.01729 (``imba_explain``), which searches contours with their hierarchy and
        so counts holes as well; spots are counted here.
    """
    inside = on & region
    if what == "units":
        return int(inside.any(axis=(1, 2)).sum())
    return int(ndimage.label(inside, _TOUCHING)[1])


def count_summary(counts: NDArray[Any]) -> dict[str, float]:
    """``images``, ``min``, ``max``, ``mean`` and ``sd`` (ddof 1) of counts (N,); NaN where too few."""
    n, nan = len(counts), float("nan")
    return {
        "images": n,
        "min": float(counts.min()) if n else nan,
        "max": float(counts.max()) if n else nan,
        "mean": float(counts.mean()) if n else nan,
        "sd": float(counts.std(ddof=1)) if n > 1 else nan,
    }
