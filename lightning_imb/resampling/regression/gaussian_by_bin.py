"""Over-sampling by target bin with Gaussian noise on the copies."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lightning_imb.resampling.pairing import Indices
from lightning_imb.resampling.regression.base import Made
from lightning_imb.resampling.regression.by_bin import ByBin, Numbered
from lightning_imb.resampling.regression.noise import noisy
from lightning_imb.utils.checked import checked_number


class GaussianByBin(ByBin):
    """As :class:`~lightning_imb.resampling.regression.RandomByBin`, and every copy is moved by Gaussian noise.

    ``z = z_i + scale·s·e`` with e ~ N(0, 1) and s (D,) the standard deviations of the features, ``y = y_i +
    target_scale·s_y·e'`` with s_y that of the targets, all of the bin's own rows (ddof 1), as in the released code. A
    bin of one row has no standard deviation: it is repeated as it is. Noise may take a target across the edge of its
    bin. Both scales 0 are random over-sampling, row for row. The published method treats rows with rare extreme targets
    and has one scale for features and target; bins and two scales are our choice.

    Args:
        bins: Number of bins of equal width over the range of the targets, or their edges in ascending order.
        share: Of the rows of the fullest bin, to which the others are raised, in 0..1.
        scale: Of the features' noise, in standard deviations, >= 0; 0.1 is the released default.
        target_scale: Likewise of the targets.
        random_state: int, ``numpy.random.RandomState`` or None.

    Attributes:
        report_: One dict per bin: ``bin``, ``real`` and ``made`` rows, and ``fallback``: ``"copies"`` for a bin of one
            row, or None.

    Raises:
        InputError: If a setting is out of range, or bins are to be made of targets that are all the same.

    Source:
        Branco, Torgo, Ribeiro 2019, "Pre-processing approaches for imbalanced distributions in regression",
        Neurocomputing 343: introduction of Gaussian noise; paobranco/UBL: R/gaussNoiseRegress.R.
    """

    reported = ("fallback",)

    def __init__(
        self,
        *,
        bins: int | Sequence[float],
        share: float = 1.0,
        scale: float = 0.1,
        target_scale: float = 0.1,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        super().__init__(bins, share, random_state)
        self.scale = checked_number("resampler.scale", scale, 0)
        self.target_scale = checked_number("resampler.target_scale", target_scale, 0)

    def _make(
        self, table: Numbered, rows: Indices, number: int, rng: np.random.Generator
    ) -> tuple[Made, dict[str, Any]]:
        drawn = rng.choice(rows, number)
        if len(rows) == 1:
            return Made(table.z[drawn], table.y[drawn]), {"fallback": "copies"}
        made = noisy(table.z, table.y, rows, drawn, (self.scale, self.target_scale), rng)
        return made, {"fallback": None}
