"""What every over-sampler of this package does with its input and output arrays."""

from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils import check_random_state

from lightning_imb.utils.errors import InputError

Matrix: TypeAlias = NDArray[Any] | sparse.spmatrix
"""(N, D), dense or scipy's sparse."""

Strategy: TypeAlias = str | float | Mapping[Hashable, int] | Callable[[NDArray[Any]], Mapping[Hashable, int]]
"""What imbalanced-learn takes as ``sampling_strategy``."""


def require_two_classes(y: NDArray[Any]) -> None:
    """Refuse labels (N,) of a single class.

    Raises:
        InputError: only one class is present.
    """
    classes = np.unique(y)
    if len(classes) < 2:
        raise InputError(f"Over-sampling needs at least two classes, but y holds only {classes}; add another class.")


def draw_seed(random_state: int | np.random.RandomState | None) -> int:
    """Turn scikit-learn's three kinds of random state into one number that seeds all classes."""
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def dense_floats(X: Matrix) -> NDArray[Any]:
    """Return X (N, D) as a dense array to compute with: float32 or float64.

    float16 becomes float32, because half precision cannot rank neighbours; integers become float64.
    """
    dense = sparse.csr_matrix(X).toarray() if sparse.issparse(X) else np.asarray(X)
    if dense.dtype in (np.float32, np.float64):
        return dense
    return dense.astype(np.float32 if dense.dtype == np.float16 else np.float64)


class Grown:
    """The rows of X and, below them, rows that are added later, in X's dtype and format; X stays untouched.

    A dense result is allocated once and written in place, so that added rows never exist twice.

    Args:
        X: (N, D) dense or sparse.
        number: M, how many rows will be added.
    """

    def __init__(self, X: Matrix, number: int) -> None:
        self._X, self._filled = X, X.shape[0]
        self._parts: list[Matrix] = []
        if not sparse.issparse(X):
            self._rows = np.empty((X.shape[0] + number, X.shape[1]), dtype=X.dtype)
            self._rows[: self._filled] = X

    def add(self, rows: Matrix) -> None:
        """Add rows (B, D), dense or sparse; they are cast to X's dtype."""
        if sparse.issparse(self._X):
            self._parts.append(sparse.csr_matrix(rows, dtype=self._X.dtype))
            return
        self._rows[self._filled : self._filled + rows.shape[0]] = rows
        self._filled += rows.shape[0]

    def result(self) -> Matrix:
        """Return (N + M, D), once all M rows were added."""
        if sparse.issparse(self._X):
            return sparse.vstack([self._X, *self._parts], format=getattr(self._X, "format", None))
        return self._rows
