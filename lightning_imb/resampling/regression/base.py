"""What resamplers of rows with numeric targets share: checks, seeds, and where rows of the result come from."""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lightning_imb.resampling.arrays import Grown, draw_seed
from lightning_imb.resampling.pairing import Indices
from lightning_imb.utils.errors import InputError

Floats = NDArray[np.float64]


class Made(NamedTuple):
    """Synthetic rows.

    Attributes:
        z: (M, D).
        y: (M,) their targets.
    """

    z: NDArray[Any]
    y: Floats


class Resampled(NamedTuple):
    """What a resampler made of a set.

    Attributes:
        kept: (R,) ascending indices of the rows that stay.
        made: Synthetic rows, which come after them.
        report: One dict per bin.
    """

    kept: Indices
    made: list[Made]
    report: list[dict[str, Any]]


class RegressionResampler(ABC):
    """Rows with numeric targets go in; a set in which rare targets are less rare comes out.

    Rows of the input come first, unchanged and in order, then the synthetic ones bin by bin in ascending order of the
    targets. Each bin draws from its own generator, seeded by the random state and the bin's position, so a change in
    one bin leaves the draws of the others as they were.

    Args:
        random_state: int, ``numpy.random.RandomState`` or None.

    Attributes:
        report_: One dict per bin in ascending order: ``bin`` (its range of targets), ``real`` rows, ``made`` rows, and
            what the subclass adds.
        n_real_: R, how many rows at the start of the result are rows of the input: all of them, unless a subclass drops
            some.
    """

    def __init__(self, random_state: int | np.random.RandomState | None) -> None:
        self.random_state = random_state

    def fit_resample(self, z: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Resample a set.

        Args:
            z: (N, D) float32 or float64 rows, finite, N >= 1; not changed.
            y: (N,) float32 or float64 targets, finite; not changed.

        Returns:
            Rows (M, D) and targets (M,) in the dtypes of ``z`` and ``y``; the first ``n_real_`` are those of the input.

        Raises:
            InputError: If the input is something else, or its targets leave this resampler nothing to work on.
        """
        _check_rows(z, y)
        kept, made, self.report_ = self._resample(z, y.astype(np.float64), draw_seed(self.random_state))
        self.n_real_ = len(kept)
        grown = Grown(z if len(kept) == len(z) else z[kept], sum(len(rows.y) for rows in made))
        for rows in made:
            grown.add(rows.z)
        targets = [y[kept], *(rows.y.astype(y.dtype) for rows in made)]
        return np.asarray(grown.result()), np.concatenate(targets)

    @abstractmethod
    def check_targets(self, y: ArrayLike) -> None:
        """Refuse training targets (N,) that leave nothing to work on, before anything is trained.

        Raises:
            InputError: As `fit_resample` would later.
        """

    @abstractmethod
    def _resample(self, z: NDArray[Any], y: Floats, seed: int) -> Resampled:
        """`fit_resample` after its checks, with targets in float64."""


def _check_rows(z: NDArray[Any], y: NDArray[Any]) -> None:
    """Refuse what are no rows with numeric targets."""
    shapes = f"rows of shape {np.shape(z)} with targets of shape {np.shape(y)}"
    if np.ndim(z) != 2 or np.shape(y) != np.shape(z)[:1] or len(z) == 0:
        raise InputError(f"{shapes} cannot be resampled; give z (N, D) and y (N,) with N >= 1")
    for name, values in (("z", z), ("y", y)):
        if values.dtype not in (np.float32, np.float64):
            raise InputError(f"{name} is of dtype {values.dtype}; give float32 or float64")
        if not np.isfinite(values).all():
            raise InputError(f"{name} holds {np.sum(~np.isfinite(values))} values that are not finite; leave them out")
