"""An over-sampler that makes a set of a given size, so that phase 3 alone can be measured."""

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
Labels = NDArray[np.int64]


class FillUp:
    """Copies rows at random until there are as many as wanted.

    Args:
        rows: How many there are in the end.
        random_state: Seed of the draws.
    """

    def __init__(self, rows: int, random_state: int) -> None:
        self.rows = rows
        self.random_state = random_state

    def fit_resample(self, X: Rows, y: Labels) -> tuple[Rows, Labels]:
        """X (N, D) and y (N,) first, then copies; at least N rows."""
        more = np.random.default_rng(self.random_state).integers(0, len(X), max(0, self.rows - len(X)))
        return np.concatenate([X, X[more]]), np.concatenate([y, y[more]])
