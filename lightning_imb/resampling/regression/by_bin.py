"""What over-samplers share that raise every bin of the targets to the same number of rows."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lightning_imb.resampling.pairing import Indices
from lightning_imb.resampling.regression.base import Floats, Made, RegressionResampler, Resampled
from lightning_imb.utils.checked import checked_number
from lightning_imb.utils.target_bins import TargetBins, bins_of

BINS = "resampler.bins"


class Numbered(NamedTuple):
    """Rows with numeric targets.

    Attributes:
        z: (N, D) float32 or float64.
        y: (N,) targets.
        bins: Bins of the targets.
    """

    z: NDArray[Any]
    y: Floats
    bins: TargetBins


class ByBin(RegressionResampler):
    """An over-sampler whose subclass states how rows of one bin are made, from a draw of the bin's own rows.

    Bins without rows stay empty: there is nothing to draw from. Nothing is dropped.

    Args:
        bins: Number of bins of equal width over the range of the targets, or their edges in ascending order; targets
            beyond the outer edges count in the outer bins.
        share: Every bin with fewer rows than this share of the fullest one is raised to it, in 0..1; 1 balances.
        random_state: int, ``numpy.random.RandomState`` or None.

    Raises:
        InputError: If a setting is out of range.
    """

    reported: ClassVar[tuple[str, ...]] = ()
    """What the report says of a bin beside its numbers; None where nothing was made."""

    def __init__(
        self, bins: int | Sequence[float], share: float, random_state: int | np.random.RandomState | None
    ) -> None:
        super().__init__(random_state)
        bins_of(bins, (0.0, 1.0), BINS)  # of any range: only the setting is checked
        self.bins = bins
        self.share = checked_number("resampler.share", share, 0, 1)

    def check_targets(self, y: ArrayLike) -> None:
        """Refuse targets that are all the same where a number of bins is to be made of their range."""
        bins_of(self.bins, y, BINS)

    def _resample(self, z: NDArray[Any], y: Floats, seed: int) -> Resampled:
        self.check_targets(y)
        table = Numbered(z, y, bins_of(self.bins, y, BINS))
        of = table.bins.of(y)
        counts = np.bincount(of, minlength=len(table.bins))
        members = np.split(np.argsort(of, kind="stable"), np.cumsum(counts)[:-1])
        goal = round(self.share * int(counts.max()))
        made, report = [], []
        for position, (name, rows) in enumerate(zip(table.bins.names, members, strict=True)):
            number = max(0, goal - len(rows)) if len(rows) else 0
            outcome: dict[str, Any] = dict.fromkeys(self.reported)
            if number:
                new, outcome = self._make(table, rows, number, np.random.default_rng([seed, position]))
                made.append(new)
            report.append({"bin": name, "real": len(rows), "made": number, **outcome})
        return Resampled(np.arange(len(z)), made, report)

    @abstractmethod
    def _make(
        self, table: Numbered, rows: Indices, number: int, rng: np.random.Generator
    ) -> tuple[Made, dict[str, Any]]:
        """Make rows of one bin.

        Args:
            table: All rows.
            rows: Ascending indices of the bin's rows, at least one.
            number: How many to make, at least 1.
            rng: The bin's generator.

        Returns:
            The rows, and the entries of ``reported``.
        """
