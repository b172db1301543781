"""Safe, border, rare and outlier rows of a class, by their nearest neighbours."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lightning_imb.resampling.neighbors import nearest
from lightning_imb.resampling.rows import Search
from lightning_imb.utils.errors import InputError

NEIGHBOURS = 5
ARCHETYPES = ("safe", "border", "rare", "outlier")
_OF_SAME = np.array([3, 2, 1, 1, 0, 0])  # archetype by the number of neighbours of the own class, 0 to 5


def archetypes(z: NDArray[Any], y: NDArray[np.int64], search: Search) -> NDArray[np.int64]:
    """Name each row by how many of its 5 nearest neighbours are of its class.

    Safe: at least 4; border: 2 or 3; rare: 1; outlier: none. The bounds are those of Dablain's published code
    (``arch_NNB``), after Napierala and Stefanowski 2016, "Types of minority class examples".

    Args:
        z: (N, D) embeddings.
        y: (N,) classes.
        search: device and memory of the exact search.

    Returns:
        (N,) positions in `ARCHETYPES`.

    Raises:
        InputError: there are fewer than six rows.
    """
    if len(z) <= NEIGHBOURS:
        raise InputError(f"{len(z)} rows have no {NEIGHBOURS} neighbours each; give at least {NEIGHBOURS + 1} rows.")
    around = y[nearest(np.arange(len(z)), z, NEIGHBOURS, search)]
    same = (around == y[:, None]).sum(axis=1)
    result: NDArray[np.int64] = _OF_SAME[same]
    return result


def archetype_counts(kinds: NDArray[np.int64], y: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Count the archetypes of each class.

    Args:
        kinds: (N,) positions in `ARCHETYPES`.
        y: (N,) classes.
        classes: C.

    Returns:
        (C, 4).
    """
    many = len(ARCHETYPES)
    return np.bincount(y * many + kinds, minlength=classes * many).reshape(classes, many)
