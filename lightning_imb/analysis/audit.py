"""What an over-sampler of embeddings did to each class: from what it tells, and from where its rows lie.

The released code of EOS (Dablain et al., arXiv 2207.06080) does not always pair a row with an enemy, though that is its
idea: how many partners are copies, rows of the own class, or enemies is worth counting. Over-samplers that tell nothing
can still be judged by their result.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lightning_imb.resampling.neighbors import DEFAULT, nearest_enemy
from lightning_imb.resampling.rows import Search
from lightning_imb.utils.checked import checked_number

PARTNERS = ("copy", "same_class", "enemy")
"""Kinds of partners that EOS draws for a row: itself, another row of its class, a row of another class."""

LIES = ("copy", "near_own", "near_enemy")
"""Where a synthetic row lies: on a real row, nearest to a real row of its class, or nearest to one of another class."""

_BLOCK_BYTES = 256 * 2**20  # of real rows that are searched at a time
_PIECE = 4096  # synthetic rows that are looked at at a time


def told_by_resampler(report: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Turn the report of an over-sampler into a table.

    Args:
        report: one dict per class, as the ``report_`` of this package's over-samplers. What is a dict itself, such as
            the ``partners`` of EOS, becomes a column ``partners_enemy`` per entry.

    Returns:
        One row per class, ``label`` first. With ``eligible`` there is also ``eligible_share`` of the class's rows, with
        partners their shares ``partners_enemy_share`` of the rows generated; NaN where nothing was generated.
    """
    # a class without partners has none of their kinds either: the column of the whole is empty
    table = pd.json_normalize([dict(entry) for entry in report], sep="_").drop(columns="partners", errors="ignore")
    if "eligible" in table:
        table["eligible_share"] = pd.to_numeric(table["eligible"]) / table["n"]
    for kind in (name for name in (f"partners_{kind}" for kind in PARTNERS) if name in table):
        generated = table["generated"].where(table["generated"] > 0)
        table[f"{kind}_share"] = pd.to_numeric(table[kind]) / generated
    return table


def seen_in_result(
    z: NDArray[Any],
    y: NDArray[np.int64],
    n_real: int,
    num_classes: int,
    max_rows: int,
    seed: int,
    search: Search = DEFAULT,
) -> pd.DataFrame:
    """Say of each class how many rows were generated and where they lie among the real ones.

    Of many synthetic rows a random part is looked at, the same number of each class as far as it has as many.

    Args:
        z: (M, D) real rows first, then the synthetic ones.
        y: (M,) classes in 0..K-1.
        n_real: how many rows are real.
        num_classes: K.
        max_rows: synthetic rows looked at, at least one per class.
        seed: of the choice of rows.
        search: device and memory of the neighbour search.

    Returns:
        One row per class: ``class``, ``n`` real rows, ``generated``, ``looked_at``, how many of these are a ``copy`` of
        a real row, are nearest to a real row of their class (``near_own``) or of another one (``near_enemy``), copies
        not among them, and the three shares of ``looked_at``, such as ``copy_share``; NaN where nothing was generated.

    Raises:
        InputError: ``max_rows`` below the number of classes.
    """
    checked_number("max_rows", max_rows, num_classes)
    real, made = y[:n_real], y[n_real:]
    rows = n_real + _spread(made, max_rows, np.random.default_rng(seed))
    found, squares = _nearest_real(z, n_real, rows, search)
    copied = squares == 0
    own = y[rows] == y[found]
    kinds = dict(zip(LIES, (copied, own & ~copied, ~own & ~copied), strict=True))
    counted = {name: np.bincount(y[rows[which]], minlength=num_classes) for name, which in kinds.items()}
    looked_at = np.bincount(y[rows], minlength=num_classes)
    table = pd.DataFrame(
        {
            "class": np.arange(num_classes),
            "n": np.bincount(real, minlength=num_classes),
            "generated": np.bincount(made, minlength=num_classes),
            "looked_at": looked_at,
            **counted,
        }
    )
    for name in LIES:
        table[f"{name}_share"] = table[name] / table["looked_at"].where(table["looked_at"] > 0)
    return table


def _spread(labels: NDArray[np.int64], most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw at most ``most`` rows, shared out evenly among the classes that have any."""
    classes, counts = np.unique(labels, return_counts=True)
    chosen = []
    left = most
    # from the smallest class on, so that what it cannot use goes to the others
    for waiting, at in zip(range(len(classes), 0, -1), np.argsort(counts, kind="stable"), strict=True):
        number = min(int(counts[at]), left // waiting)
        chosen.append(rng.choice(np.flatnonzero(labels == classes[at]), number, replace=False))
        left -= number
    return np.sort(np.concatenate([np.empty(0, dtype=np.int64), *chosen]))


def _nearest_real(
    z: NDArray[Any], n_real: int, rows: NDArray[np.int64], search: Search
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find the real row (Q,) nearest to each of the synthetic ``rows`` (Q,), and their squared distance (Q,)."""
    found, squares = np.zeros(len(rows), dtype=np.int64), np.full(len(rows), np.inf)
    step = max(1, _BLOCK_BYTES // (z.shape[1] * z.itemsize))
    for start in range(0, n_real, step):
        block = slice(start, min(start + step, n_real))
        for at in range(0, len(rows), _PIECE):
            part = slice(at, at + _PIECE)
            here = _nearest_in_block(z, block, rows[part], search)
            distance = _squares(z, rows[part], here)
            closer = distance < squares[part]
            found[part] = np.where(closer, here, found[part])
            squares[part] = np.where(closer, distance, squares[part])
    return found, squares


def _nearest_in_block(z: NDArray[Any], block: slice, rows: NDArray[np.int64], search: Search) -> NDArray[np.int64]:
    """Find the nearest row of a block: the search for enemies finds it, where being in the block is the class.

    Its rows have to stand in one table with the queried ones, hence blocks: of all real rows it would be a copy.
    """
    table = np.concatenate([z[block], z[rows]])
    queried = np.arange(len(table)) >= block.stop - block.start
    found: NDArray[np.int64] = block.start + nearest_enemy(np.flatnonzero(queried), table, queried, search)
    return found


def _squares(z: NDArray[Any], first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    """Squared distances (Q,) between rows ``first`` (Q,) and ``second`` (Q,), exactly 0 for equal rows."""
    difference = z[first].astype(np.float64)
    difference -= z[second]
    squares: NDArray[np.float64] = np.square(difference, out=difference).sum(axis=1)
    return squares
