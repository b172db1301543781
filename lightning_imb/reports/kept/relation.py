"""Whether one number of the rows of a study goes with another."""

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from scipy import stats

from lightning_imb.reports.kept.cell import Cell
from lightning_imb.reports.kept.contrast import Interval
from lightning_imb.reports.kept.study import Relation, Study
from lightning_imb.reports.paired import LEVEL

FEWEST = 6  # rows, and 5 different values of either: below, an interval covers nearly all correlations there are


@dataclass(frozen=True)
class Correlation:
    """Rank correlation over rows.

    Attributes:
        rows: How many have both numbers.
        rho: Spearman's, -1..1.
        interval: 95 %, by Fisher's transformation with the variance (1 + rho^2 / 2) / (n - 3); None at 1 and -1.
    """

    rows: int
    rho: float
    interval: Interval | None


def correlation(study: Study, relation: Relation) -> Correlation | None:
    """Correlate the means over seeds of two numbers; None below six rows or five values.

    Source:
        Spearman 1904; Bonett and Wright 2000 (Psychometrika 65), equation 5, for the interval.
    """
    cells = [cell for line in study.lines if (cell := study.find(line.where)) and _has(cell, relation.among)]
    both = [pair for cell in cells if (pair := _means(cell, relation))]
    if len(both) < FEWEST or any(len(set(values)) < FEWEST - 1 for values in zip(*both, strict=True)):
        return None
    rho = float(stats.spearmanr(*zip(*both, strict=True)).statistic)
    return Correlation(len(both), rho, _interval(rho, len(both)))


def _means(cell: Cell, relation: Relation) -> tuple[float, float] | None:
    """Means of both numbers over the seeds that have both."""
    runs = [run for run in cell.runs if relation.x in run.scores and relation.y in run.scores]
    if not runs:
        return None
    return statistics.fmean(run.scores[relation.x] for run in runs), statistics.fmean(
        run.scores[relation.y] for run in runs
    )


def _has(cell: Cell, parts: Mapping[str, str]) -> bool:
    return all(cell.row.get(key) == value for key, value in parts.items())


def _interval(rho: float, n: int) -> Interval | None:
    if abs(rho) >= 1:
        return None
    reach = float(stats.norm.ppf((1 + LEVEL) / 2)) * math.sqrt((1 + rho**2 / 2) / (n - 3))
    return math.tanh(math.atanh(rho) - reach), math.tanh(math.atanh(rho) + reach)
