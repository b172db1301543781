"""Which targets are rare, and the runs of rare and normal ones in which resampling works."""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lightning_imb.resampling.pairing import Indices
from lightning_imb.resampling.regression.base import Floats
from lightning_imb.resampling.regression.relevance import box_plot_points, density_relevance, through
from lightning_imb.utils.checked import checked_choice, checked_number
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.target_bins import TargetBins, bins_of

log = logging.getLogger(__name__)

Points = Sequence[Sequence[float]]


class Partition(NamedTuple):
    """Consecutive targets that are all rare, or all normal.

    Attributes:
        rows: Their indices, ascending.
        rare: Whether they are rare.
        low: The lowest target.
        high: The highest.
    """

    rows: Indices
    rare: bool
    low: float
    high: float


class Rarity:
    """Targets whose relevance reaches a threshold are rare, the others normal.

    Args:
        relevance: ``extremes``: of box-plot outliers (Ribeiro 2011), for rare values at the ends; ``density``: of
            sparse bins (our reading), for rare values anywhere; or control points ``[[target, relevance], ...]``.
        threshold: Relevance from which a target is rare, in 0..1.
        bins: Number of bins or their edges, for ``density``; not read otherwise.
        group: Of the settings, for messages: ``resampler`` or ``posthoc``.

    Raises:
        InputError: If a setting is out of range.
    """

    def __init__(
        self, relevance: str | Points, threshold: float, bins: int | Sequence[float] | None, group: str
    ) -> None:
        self.group = group
        self.threshold = checked_number(f"{group}.threshold", threshold, 0, 1)
        self.bins = bins
        if isinstance(relevance, str):
            self.relevance: str | list[tuple[float, float]] = checked_choice(
                f"{group}.relevance", relevance, ("extremes", "density")
            )
        else:
            self.relevance = _checked_points(f"{group}.relevance", relevance)
        if relevance == "density":
            self._bins_of((0.0, 1.0))  # of any range: only the setting is checked

    def of(self, y: Floats) -> Floats:
        """Relevance of each target (N,), 0..1.

        Raises:
            InputError: If the targets rule the way out, such as targets that are all the same.
        """
        if self.relevance == "density":
            return density_relevance(y, self._bins_of(y))
        if isinstance(self.relevance, str):
            return through(box_plot_points(y), y)
        return through(self.relevance, y)

    def check(self, y: Floats) -> None:
        """Refuse targets (N,) as `partitions` does, and warn where none is rare, so that nothing will be balanced.

        Raises:
            InputError: As `partitions`.
        """
        if any(partition.rare for partition in self.partitions(y)):
            return
        log.warning(
            "no training target is rare, so nothing is balanced: the highest relevance is %.3g, below %s.threshold=%g; "
            "say which are, as %s, or set %s.relevance=density with a lower threshold",
            self.of(y).max(),
            self.group,
            self.threshold,
            self._by_hand(y),
            self.group,
        )

    def partitions(self, y: Floats) -> list[Partition]:
        """Split targets (N,) into maximal runs of rare and normal ones, ascending in the targets.

        Targets of which none is rare, as even ones are, are one run of normal targets.

        Raises:
            InputError: If no target is normal, or all are the same.
        """
        relevance = self.of(y)
        order = np.argsort(y, kind="stable")
        rare = relevance[order] >= self.threshold
        self._require_normal(y, rare)
        runs = np.split(order, np.flatnonzero(np.diff(rare)) + 1)
        return [
            Partition(np.sort(run), bool(relevance[run[0]] >= self.threshold), float(y[run[0]]), float(y[run[-1]]))
            for run in runs
        ]

    def _bins_of(self, y: ArrayLike) -> TargetBins:
        if self.bins is None:
            raise InputError(
                f"{self.group}.bins is null, but relevance=density counts targets in bins; give a number or edges"
            )
        return bins_of(self.bins, y, f"{self.group}.bins")

    def _require_normal(self, y: Floats, rare: NDArray[np.bool_]) -> None:
        if y.min() == y.max():
            raise InputError(f"no target is rarer than others where all of them are {y[0]:g}: give different targets")
        if rare.all():
            raise InputError(
                f"every training target is rare at {self.group}.threshold={self.threshold:g}: raise it, or say which "
                f"are, as {self._by_hand(y)}"
            )

    def _by_hand(self, y: Floats) -> str:
        """Control points that make the ends of these targets rare."""
        low, middle, high = np.percentile(y, (0, 50, 100))
        return f"{self.group}.relevance=[[{low:.3g},1],[{middle:.3g},0],[{high:.3g},1]]"


def _checked_points(setting: str, points: Points) -> list[tuple[float, float]]:
    """Control points as pairs; targets ascending, relevance in 0..1."""
    wanted = f"{setting}={points} must be extremes, density, or points such as [[1, 1], [5.5, 0], [10, 1]]"
    try:
        table = np.array(points, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(wanted) from None
    if table.ndim != 2 or table.shape[1] != 2 or len(table) < 2 or not np.isfinite(table).all():
        raise InputError(wanted)
    if not (np.diff(table[:, 0]) > 0).all() or not ((table[:, 1] >= 0) & (table[:, 1] <= 1)).all():
        raise InputError(f"{wanted}, targets ascending and relevance in 0..1")
    return [(float(target), float(relevance)) for target, relevance in table]
