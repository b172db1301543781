"""Copies of rows and targets with Gaussian noise in units of their standard deviations."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lightning_imb.resampling.pairing import Indices
from lightning_imb.resampling.regression.base import Floats, Made


def noisy(
    z: NDArray[Any],
    y: Floats,
    among: Indices,
    drawn: Indices,
    scales: tuple[float | Floats, float | Floats],
    rng: np.random.Generator,
) -> Made:
    """Copy rows, each feature and the target moved by ``N(0, (scale·s)^2)``.

    Args:
        z: (N, D) rows.
        y: (N,) targets.
        among: At least two rows, of which s, the standard deviations (ddof 1), are taken; a constant feature stays.
        drawn: (M,) rows to copy.
        scales: Of the features and of the target, each one number or (M,).
        rng: Generator to draw from.
    """
    rows = z[drawn]
    noise = rng.standard_normal(rows.shape, dtype=rows.dtype.type)
    noise *= z[among].std(axis=0, ddof=1, dtype=np.float64).astype(rows.dtype)
    noise *= np.reshape(scales[0], (-1, 1)).astype(rows.dtype)
    rows += noise
    return Made(rows, y[drawn] + scales[1] * y[among].std(ddof=1) * rng.standard_normal(len(drawn)))
