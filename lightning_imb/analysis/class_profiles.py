"""What one pass over the rows of a split tells about the features of each class."""

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightning_imb.analysis.class_embeddings import Embedded
from lightning_imb.analysis.top_features import check_top, in_own_top, top_features

EmbeddingKind = Literal["ce", "fe"]
CEClass = Literal["label", "predicted"]


class ClassProfiles(NamedTuple):
    """Features of each class in one split.

    Attributes:
        rows: (C,) int64, rows of the class (by true label).
        right: (C,) int64, its true positives.
        tp: (C, D) float64, mean magnitude over true positives; NaN rows where there are none.
        fn: (C, D) float64, the same over the other rows of the class.
        contained: (C, D) int64, how many rows of the class have the feature among their own K largest.
        top: K.
    """

    rows: NDArray[np.int64]
    right: NDArray[np.int64]
    tp: NDArray[np.float64]
    fn: NDArray[np.float64]
    contained: NDArray[np.int64]
    top: int

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean magnitude over all rows of a class, (C, D); for FE this is the class mean mu_c."""
        wrong = self.rows - self.right
        total = np.nan_to_num(self.tp) * self.right[:, None] + np.nan_to_num(self.fn) * wrong[:, None]
        return _over(total, self.rows)

    @property
    def frequency(self) -> NDArray[np.float64]:
        """f_c[d], (C, D) in [0, 1]: share of the class's rows whose own K largest have d; rows sum to K."""
        return _over(self.contained, self.rows)

    def magnitude(self, kind: EmbeddingKind) -> NDArray[np.float64]:
        """What a class is ranked by, (C, D): m_c over true positives for CE, mu_c over all rows for FE."""
        return self.tp if kind == "ce" else self.mean

    def top_features(self, kind: EmbeddingKind) -> NDArray[np.int64]:
        """T_c of each class, (C, K); -1 for a class without rows to rank by."""
        return top_features(self.magnitude(kind), self.top)


def class_profiles(
    embedded: Embedded,
    labels: NDArray[np.int64],
    predicted: NDArray[np.int64],
    kind: EmbeddingKind,
    top: int,
    ce_class: CEClass = "label",
    signed: bool = False,
) -> ClassProfiles:
    """Sum up embeddings by class in one pass, without an array of rows x classes x features.

    The quantities are those of Dablain et al. 2022 (arXiv 2210.09465), whose formulas are our reading: magnitude
    ``m_c[d]``, the mean over true positives of abs(CE), and frequency ``f_c[d]`` over all rows of the class.

    Args:
        embedded: N rows of width D and their head of C classes.
        labels: (N,) true classes.
        predicted: (N,) predicted classes.
        kind: ``ce``, or ``fe`` for the features themselves (as they are, negative ones included).
        top: K in 1..D, for the frequency.
        ce_class: whose weights a CE has: those of the true class (``label``), or of the predicted one.
        signed: rank CE with its sign instead of its absolute value.

    Raises:
        InputError: ``top`` is not in 1..D.
    """
    check_top(top, embedded.width)
    classes, shape = embedded.classes, (embedded.classes, embedded.width)
    rows = np.bincount(labels, minlength=classes)
    right = np.bincount(labels[labels == predicted], minlength=classes)
    tp, fn, contained = np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=np.int64)
    own = predicted if ce_class == "predicted" else labels
    for c, mine in enumerate(rows_by_class(labels, classes)):
        for block in embedded.blocks(mine):
            values = row_magnitudes(embedded, block, own[block], kind, signed)
            hit = predicted[block] == c
            tp[c] += values[hit].sum(axis=0, dtype=np.float64)
            fn[c] += values[~hit].sum(axis=0, dtype=np.float64)
            contained[c] += in_own_top(values, top).sum(axis=0)
    return ClassProfiles(rows, right, _over(tp, right), _over(fn, rows - right), contained, top)


def row_magnitudes(
    embedded: Embedded, rows: NDArray[np.int64], own: NDArray[np.int64], kind: EmbeddingKind, signed: bool
) -> NDArray[Any]:
    """What the means of a class are taken of, (n, D): FE as they are, CE by absolute value.

    Args:
        embedded: The split and its head.
        rows: (n,).
        own: (n,) classes whose weights their CE have.
        kind: Whether CE or FE.
        signed: Leave CE their sign.
    """
    if kind == "fe":
        return embedded.features(rows)
    values = embedded.classified(rows, own)
    return values if signed else np.abs(values, out=values)


def rows_by_class(labels: NDArray[np.int64], classes: int) -> list[NDArray[np.int64]]:
    """Rows of each of the classes, ascending."""
    order = np.argsort(labels, kind="stable")
    return np.split(order, np.searchsorted(labels[order], np.arange(1, classes)))


def _over(total: NDArray[Any], count: NDArray[np.int64]) -> NDArray[np.float64]:
    """Divide rows (C, D) by counts (C,); NaN rows where the count is 0."""
    result: NDArray[np.float64] = total / np.where(count > 0, count, np.nan)[:, None]
    return result
