"""How often the rows of a class have the features of a reference class among their own."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Density(NamedTuple):
    """Density ratios against the reference class, over its features T_r.

    Attributes:
        rate: (C, K), ``f_i[d] / f_r[d]``: how much more of its rows class i has with the feature.
        raw: (C, K), ``cnt_i[d] / cnt_r[d]``: of counts, in which the sizes of the classes enter, too.
    """

    rate: NDArray[np.float64]
    raw: NDArray[np.float64]


def density_ratio(
    contained: NDArray[np.int64], rows: NDArray[np.int64], features: NDArray[np.int64], reference: int
) -> Density:
    """Compare how often rows have the features T_r of a reference class among their own top-K.

    The raw ratio is that of Dablain's published code for another work (``FE_idx_density``); the ratio of rates leaves
    out the sizes of the classes.

    Args:
        contained: (C, D), in how many rows' own top-K of FE a feature is.
        rows: (C,) rows of each class.
        features: (K,) T_r of the reference class.
        reference: r in 0..C-1.

    Returns:
        Both ratios; NaN where no row of the reference class has the feature, and in rows of classes without rows.
    """
    counts = contained[:, features].astype(np.float64)
    rates = counts / np.where(rows > 0, rows, np.nan)[:, None]
    known = np.where(counts[reference] > 0, 1.0, np.nan)
    raw = np.where(rows[:, None] > 0, counts / (counts[reference] * known), np.nan)
    return Density(rates / (rates[reference] * known), raw)
