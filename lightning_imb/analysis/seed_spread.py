"""Do methods differ in a measure by more than their seeds do?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import f_oneway


def seed_spread(runs: pd.DataFrame, by: str, measures: Sequence[str]) -> pd.DataFrame:
    """Spread of a measure between methods beside its spread over seeds.

    Args:
        runs: One row per run: ``by`` and the measures, NaN where a run has none.
        by: Column that runs of one method, which differ in their seed, share.
        measures: Columns.

    Returns:
        One row per measure: ``measure``; ``between``, the standard deviation (ddof 1) of the means of the methods;
        ``within``, the root of the mean variance over seeds, weighted by degrees of freedom; ``p_value`` of the one-way
        analysis of variance (no difference between any methods; not corrected for the number of measures); ``methods``
        and ``runs`` that have the measure. NaN where there is one method, or no method with two runs.
    """
    return pd.DataFrame([_spread(runs[[by, name]].dropna(), by, name) for name in measures])


def _spread(runs: pd.DataFrame, by: str, measure: str) -> dict[str, str | int | float]:
    groups = [values.to_numpy(dtype=np.float64) for _, values in runs.groupby(by, sort=False)[measure]]
    freedom = sum(len(values) - 1 for values in groups)
    squares = sum(float(((values - values.mean()) ** 2).sum()) for values in groups)
    testable = len(groups) > 1 and squares > 0
    return {
        "measure": measure,
        "between": float(np.std([values.mean() for values in groups], ddof=1)) if len(groups) > 1 else float("nan"),
        "within": (squares / freedom) ** 0.5 if freedom else float("nan"),
        "p_value": float(f_oneway(*groups).pvalue) if testable else float("nan"),
        "methods": len(groups),
        "runs": len(runs),
    }
