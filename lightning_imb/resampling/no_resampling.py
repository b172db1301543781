"""The over-sampler that does nothing: the row every other one is compared with."""

from typing import Any, ClassVar

import numpy as np
from imblearn.base import BaseSampler
from numpy.typing import NDArray

from lightning_imb.resampling.arrays import Matrix


class NoResampling(BaseSampler):
    """Return the rows as they are, so that a head can be retrained without over-sampling.

    Args:
        random_state: unused; present so that every over-sampler takes the same seed.
    """

    _sampling_type = "bypass"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"random_state": ["random_state"]}

    def __init__(self, *, random_state: int | np.random.RandomState | None = None) -> None:
        super().__init__()
        self.random_state = random_state

    def _fit_resample(self, X: Matrix, y: NDArray[Any]) -> tuple[Matrix, NDArray[Any]]:
        return X.copy(), y.copy()
