"""Rates of each class, read off one confusion matrix over the whole evaluation set."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor

from lightning_imb.utils.errors import InputError

FloatArray = npt.NDArray[np.float64]


class ClassRates(NamedTuple):
    """One number per class, each ``(K,)`` float64: two counts, then rates in 0..1.

    ``recall`` and ``f1`` are NaN for a class without evaluation samples, so that a forgotten mask shows;
    every other 0/0 is 0, as in scikit-learn and imbalanced-learn.
    """

    support: FloatArray
    hits: FloatArray
    recall: FloatArray
    precision: FloatArray
    specificity: FloatArray
    f1: FloatArray


def class_rates(confusion: npt.ArrayLike | Tensor) -> ClassRates:
    """Recall, precision, specificity and F1 of each class.

    Args:
        confusion: ``(K, K)`` counts, rows = true class, columns = predicted class.

    Returns:
        The rates, class by class.

    Raises:
        InputError: not square, a negative or non-finite entry, or no evaluation sample at all.
    """
    matrix = _checked(confusion)
    hits = np.diag(matrix)
    support, predicted, total = matrix.sum(axis=1), matrix.sum(axis=0), matrix.sum()
    true_negatives = total - support - predicted + hits
    present = support > 0
    return ClassRates(
        support=support,
        hits=hits,
        recall=np.where(present, _ratio(hits, support), np.nan),
        precision=_ratio(hits, predicted),
        specificity=_ratio(true_negatives, total - support),
        f1=np.where(present, _ratio(2 * hits, support + predicted), np.nan),
    )


def _checked(confusion: npt.ArrayLike | Tensor) -> FloatArray:
    if isinstance(confusion, Tensor):
        confusion = confusion.detach().cpu().numpy()
    matrix = np.asarray(confusion, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InputError(f"the confusion matrix has shape {matrix.shape}; give (K, K), rows = true class")
    if not np.isfinite(matrix).all() or (matrix < 0).any():
        raise InputError("the confusion matrix has negative or non-finite entries; give counts")
    if matrix.sum() == 0:
        raise InputError("the confusion matrix is empty; score at least one evaluation sample")
    return matrix


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """``part / whole``, 0 where both are 0."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
