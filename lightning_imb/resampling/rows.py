"""The rows that a neighbour search looks at, seen in pieces so that they are never copied as a whole."""

import warnings
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_imb.utils.errors import InputError

MEBIBYTE = 2**20


class Search(NamedTuple):
    """How neighbours are searched. The answer does not depend on any of it.

    Attributes:
        device: torch device that computes: ``"cpu"`` or ``"cuda"``. On a GPU the rows are copied there first.
        memory_mb: upper bound in MiB, above 0, for what the search holds above its rows (in the memory of the device
            that computes), its result and one number per row; one query against one row is the least it can do.
        backend: what proposes candidates among all rows: ``"torch"``, or ``"faiss"`` for float32 rows on the CPU.
            Copies of other dtypes would not fit the bound, so torch proposes where faiss cannot.
    """

    device: str = "cpu"
    memory_mb: float = 512
    backend: str = "torch"

    def share(self, parts: int) -> int:
        """Return the given fraction (one of ``parts``) of the memory, in bytes."""
        return int(self.memory_mb * MEBIBYTE / parts)

    def rows_for(self, parts: int, bytes_per_row: int, most: int) -> int:
        """Return how many rows of a size fit a fraction of the memory: at least 1, at most ``most``."""
        return max(1, min(most, self.share(parts) // bytes_per_row))


class Rows:
    """All rows of a matrix, or some of them, numbered from 0 in ascending order.

    Args:
        X: (N, D) float32 or float64, finite.
        among: (A,) ascending indices of the rows that are searched; None means all.
        search: device and memory.

    Attributes:
        data: (N, D) tensor that shares its memory with X on the CPU.
        dtype: of X.
    """

    def __init__(self, X: NDArray[Any], among: NDArray[np.int64] | None, search: Search) -> None:
        self.data = _tensor(X).to(search.device)
        self.dtype = self.data.dtype
        self._among = None if among is None else _tensor(among).to(search.device)

    def __len__(self) -> int:
        return len(self.data) if self._among is None else len(self._among)

    @property
    def features(self) -> int:
        """D, the number of features."""
        return self.data.shape[1]

    @property
    def whole(self) -> bool:
        """Whether all rows of the matrix are searched."""
        return self._among is None

    def copies(self, dtype: torch.dtype) -> bool:
        """Tell whether strips in ``dtype`` are copies."""
        return not self.whole or dtype != self.dtype

    def strip(self, start: int, stop: int, dtype: torch.dtype) -> Tensor:
        """Return rows ``start`` to ``stop`` as (T, D): a view where possible, else a copy of these rows only."""
        part = self.data[start:stop] if self._among is None else self.data[self._among[start:stop]]
        return part.to(dtype)

    def at(self, numbers: Tensor) -> Tensor:
        """Return the rows of the given numbers, any shape (...), as a copy (..., D) in the dtype of X."""
        return self.data[self.indices(numbers)]

    def indices(self, numbers: Tensor) -> Tensor:
        """Return which rows of the matrix the given numbers mean."""
        return numbers if self._among is None else self._among[numbers]


class Norms(NamedTuple):
    """Squared distances to a point near the middle, where products of the rows round least.

    Attributes:
        centre: (D,) about the mean, in the dtype of the products.
        squares: (A,) squared distance of each row to the centre, in the dtype of the products.
        shift: distance of the centre from the origin.
    """

    centre: Tensor
    squares: Tensor
    shift: float

    @property
    def safe(self) -> bool:
        """Whether no product of two rows can overflow."""
        farthest = float(self.squares.max()) ** 0.5 + self.shift
        limit: float = torch.finfo(self.squares.dtype).max
        return bool(farthest < (limit / 8) ** 0.5)


def norms(rows: Rows, dtype: torch.dtype, search: Search) -> Norms:
    """Compute the norms of the rows for products in ``dtype``, a piece of the rows at a time."""
    step = search.rows_for(8, 32 * rows.features, len(rows))
    pieces = [(start, min(start + step, len(rows))) for start in range(0, len(rows), step)]
    total = torch.zeros(rows.features, dtype=torch.float64, device=rows.data.device)
    for start, stop in pieces:
        total += rows.strip(start, stop, torch.float64).sum(dim=0)
    centre = (total / len(rows)).to(dtype)
    squares = torch.empty(len(rows), dtype=dtype, device=rows.data.device)
    for start, stop in pieces:
        squares[start:stop] = (rows.strip(start, stop, torch.float64) - centre.double()).square_().sum(dim=1)
    return Norms(centre, squares, float(torch.linalg.vector_norm(centre.double())))


def check_search(search: Search) -> None:
    """Refuse an impossible bound or an unknown backend.

    Raises:
        InputError: ``memory_mb`` is not above 0, or the backend is neither ``"torch"`` nor ``"faiss"``.
    """
    if not search.memory_mb > 0:
        raise InputError(f"memory_mb={search.memory_mb} leaves nothing to compute with; use for example 512.")
    if search.backend not in ("torch", "faiss"):
        raise InputError(f"backend={search.backend!r} is unknown; use 'torch' or 'faiss'.")


def _tensor(array: NDArray[Any]) -> Tensor:
    """View an array as a tensor; only what torch cannot view (negative strides, say) is copied."""
    if any(stride < 0 or stride % array.itemsize for stride in array.strides):
        array = np.ascontiguousarray(array)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*not writable.*")  # it is only read
        return torch.from_numpy(array)
