"""Random over-sampling by target bin: the control that every other over-sampler of a regression is compared with."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lightning_imb.resampling.pairing import Indices
from lightning_imb.resampling.regression.base import Made
from lightning_imb.resampling.regression.by_bin import ByBin, Numbered


class RandomByBin(ByBin):
    """Copies of rows drawn uniformly with replacement within each bin, until every bin has as many as the fullest.

    The published method repeats rows with rare extreme targets; here bins of the targets take the place of extremes
    (our choice), as in every over-sampler of this package.

    Args:
        bins: Number of bins of equal width over the range of the targets, or their edges in ascending order.
        share: Of the rows of the fullest bin, to which the others are raised, in 0..1.
        random_state: int, ``numpy.random.RandomState`` or None.

    Attributes:
        report_: One dict per bin: ``bin``, ``real`` and ``made`` rows.

    Raises:
        InputError: If a setting is out of range, or bins are to be made of targets that are all the same.

    Source:
        Branco, Torgo, Ribeiro 2019, "Pre-processing approaches for imbalanced distributions in regression",
        Neurocomputing 343: random over-sampling.
    """

    def __init__(
        self,
        *,
        bins: int | Sequence[float],
        share: float = 1.0,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        super().__init__(bins, share, random_state)

    def _make(
        self, table: Numbered, rows: Indices, number: int, rng: np.random.Generator
    ) -> tuple[Made, dict[str, Any]]:
        drawn = rng.choice(rows, number)
        return Made(table.z[drawn], table.y[drawn]), {}
