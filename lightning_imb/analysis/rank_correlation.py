"""Whether two numbers per class rise together, by their ranks."""

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

_FEWEST = 3  # of two classes the ranks always agree or disagree entirely


def rank_correlation(first: ArrayLike, second: ArrayLike) -> float:
    """Correlate two numbers per class by their ranks (Spearman).

    Args:
        first: (K,); classes where either number is NaN are left out.
        second: (K,).

    Returns:
        From -1 to 1; NaN where fewer than three classes have both numbers, or where one of them is the same for all.
    """
    a, b = (np.asarray(values, dtype=np.float64) for values in (first, second))
    both = ~(np.isnan(a) | np.isnan(b))
    a, b = a[both], b[both]
    if len(a) < _FEWEST or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(stats.spearmanr(a, b).statistic)
