"""What the match between train and test would be if chance alone divided the rows."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightning_imb.analysis.class_embeddings import Embedded
from lightning_imb.analysis.class_profiles import EmbeddingKind, row_magnitudes, rows_by_class
from lightning_imb.analysis.feature_overlap import overlap
from lightning_imb.analysis.magnitude_match import magnitude_match
from lightning_imb.analysis.top_features import top_features
from lightning_imb.utils.checked import checked_number


class Answered(NamedTuple):
    """A split and what a model answers: N embeddings, their classes (N,) and the predicted ones (N,)."""

    embedded: Embedded
    labels: NDArray[np.int64]
    predicted: NDArray[np.int64]


class ChanceMatch(NamedTuple):
    """Measures of random divisions.

    Attributes:
        abs_log: (C, R), mean over k of ``abs(log R_c[k])`` of true positives.
        overlap: (C, R), shared part of the top-K features of both sides.
    """

    abs_log: NDArray[np.float64]
    overlap: NDArray[np.float64]


def match_by_chance(
    train: Answered, test: Answered, kind: EmbeddingKind, top: int, signed: bool, repetitions: int, seed: int
) -> ChanceMatch:
    """Measure each class again after its training and test rows were mixed and divided at random.

    Means over few rows are noisy and T_c is chosen on one side of them: ``abs(log R)`` is above 0 and the overlap
    below 1 even where train and test are alike, the more the fewer rows a class has. Here both sides come from one
    pool and have as many rows as in truth, true positives and others divided apart; T_c and R are found as ever. The
    yardstick is ours, not that of Dablain et al. 2022 (arXiv 2210.09465).

    One class is in work at a time and its rows in blocks: needs R x D numbers and one mark per division and row.

    Args:
        train: Training rows.
        test: Test rows, of the same features and classes.
        kind: Whether CE or FE.
        top: K in 1..D.
        signed: Rank CE with its sign.
        repetitions: R, divisions of each class, at least 1.
        seed: Of the divisions; each class has its own.

    Returns:
        NaN where the measure does not exist for the real division, either.

    Raises:
        InputError: ``repetitions`` is below 1, or ``top`` is not in 1..D.
    """
    checked_number("repetitions", repetitions, 1)

    def read(split: Answered, block: NDArray[np.int64]) -> NDArray[Any]:
        return row_magnitudes(split.embedded, block, split.labels[block], kind, signed)

    splits, classes = (train, test), train.embedded.classes
    rows = [rows_by_class(split.labels, classes) for split in splits]
    found = ChanceMatch(*np.full((2, classes, repetitions), np.nan))
    for c in range(classes):
        rng = np.random.default_rng([seed, c])
        hits = [split.predicted[own[c]] == c for split, own in zip(splits, rows, strict=True)]
        right = _divided(splits, [own[c][hit] for own, hit in zip(rows, hits, strict=True)], read, repetitions, rng)
        ranked = right
        if kind == "fe":  # which are ranked by all rows of a class
            others = [own[c][~hit] for own, hit in zip(rows, hits, strict=True)]
            ranked = right.with_rows_of(_divided(splits, others, read, repetitions, rng))
        features = [top_features(side, top) for side in ranked.means]
        train_tp, test_tp = right.means
        found.abs_log[c] = magnitude_match(train_tp, test_tp, features[0]).abs_log
        found.overlap[c] = overlap(*features)
    return found


class _Sums(NamedTuple):
    """Magnitudes of both sides of each division added up, (2, R, D), and how many rows a side has, (2,)."""

    total: NDArray[np.float64]
    rows: NDArray[np.int64]

    @property
    def means(self) -> NDArray[np.float64]:
        """(2, R, D); NaN for a side without rows."""
        result: NDArray[np.float64] = self.total / np.where(self.rows > 0, self.rows, np.nan)[:, None, None]
        return result

    def with_rows_of(self, other: "_Sums") -> "_Sums":
        """Both together."""
        return _Sums(self.total + other.total, self.rows + other.rows)


def _divided(
    splits: Sequence[Answered],
    rows: Sequence[NDArray[np.int64]],
    read: Callable[[Answered, NDArray[np.int64]], NDArray[Any]],
    repetitions: int,
    rng: np.random.Generator,
) -> _Sums:
    """Pool rows of both splits and divide them at random into as many of either side."""
    sizes = np.array([len(own) for own in rows])
    first = rng.permuted(np.tile(np.arange(sizes.sum()) < sizes[0], (repetitions, 1)), axis=1)
    total, done = np.zeros((2, repetitions, splits[0].embedded.width)), 0
    for split, own in zip(splits, rows, strict=True):
        for block in split.embedded.blocks(own):
            values = read(split, block).astype(np.float64)
            chosen = first[:, done : done + len(block)]
            # both added up: what is left of a difference would hide that a feature is 0 in all rows of a side
            total += np.stack([chosen, ~chosen]) @ values
            done += len(block)
    return _Sums(total, sizes)
