"""How relevant a target is, 0..1: the rarer or the more extreme, the more."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import CubicHermiteSpline

from lightning_imb.resampling.regression.base import Floats
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.target_bins import TargetBins

WHISKER = 1.5  # box lengths that a whisker may reach beyond the box


def through(points: Sequence[tuple[float, float]], y: ArrayLike) -> Floats:
    """Relevance that is monotone between control points: cubic Hermite pieces of slope 0 at the points, flat outside.

    Args:
        points: At least one ``(target, relevance)``, ascending in the targets.
        y: (N,) targets.

    Returns:
        (N,) in the range of the points' relevance.
    """
    at, phi = np.array(points, dtype=np.float64).T
    if len(at) == 1:
        return np.full(np.shape(y), phi[0])
    values: Floats = CubicHermiteSpline(at, phi, np.zeros_like(phi))(np.clip(y, at[0], at[-1]))
    return values


def box_plot_points(y: Floats) -> list[tuple[float, float]]:
    """Control points of extreme targets: 1 at the ends of the whiskers (the adjacent values), 0 at the median.

    The end of a whisker is the outermost target within 1.5 box lengths of the box. A side without outliers beyond it
    has no rare targets: its point is relevance 0 at the outermost target.

    Args:
        y: (N,) targets.

    Returns:
        Up to three points ``(target, relevance)``, ascending.

    Raises:
        InputError: If a side has outliers but no whisker, because half of the targets or more are the same.

    Source:
        Ribeiro 2011, "Utility-based regression", PhD thesis, University of Porto: automatic relevance, extremes.
    """
    low_box, median, high_box = np.percentile(y, (25, 50, 75))
    reach = WHISKER * (high_box - low_box)
    within = y[(y >= low_box - reach) & (y <= high_box + reach)]
    points = {float(median): 0.0}
    for end, outermost in ((within.min(), y.min()), (within.max(), y.max())):
        if end == median and outermost != end:
            raise InputError(
                f"the targets have outliers but no box plot, because too many of them are {median:g}: "
                "set relevance=density, or give control points"
            )
        points[float(end)] = float(outermost != end)
    return sorted(points.items())


def density_relevance(y: ArrayLike, bins: TargetBins) -> Floats:
    """Relevance ``1 - n_b / max n`` of each target, n_b the number of targets in its bin (our reading).

    For targets whose rare values are not extremes, such as a gap in the middle.

    Args:
        y: (N,) targets.
        bins: Where they are counted.
    """
    of = bins.of(y)
    counts = np.bincount(of, minlength=len(bins))
    relevance: Floats = 1 - counts[of] / counts.max()
    return relevance
