"""Rates of each class over the whole evaluation set, from its counts or from a confusion matrix."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lightning_imb.utils.errors import InputError

FloatArray = npt.NDArray[np.float64]
Numbers = npt.ArrayLike | Tensor


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


def class_rates(confusion: Numbers) -> ClassRates:
    """Recall, precision, specificity and F1 of each class.

    Args:
        confusion: ``(K, K)`` counts, rows = true class, columns = predicted class.

    Returns:
        The rates, class by class.

    Raises:
        InputError: not square, a negative or non-finite entry, or no evaluation sample at all.
    """
    matrix = _array(confusion)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InputError(f"the confusion matrix has shape {matrix.shape}; give (K, K), rows = true class")
    if not np.isfinite(matrix).all() or (matrix < 0).any():
        raise InputError("the confusion matrix has negative or non-finite entries; give counts")
    if matrix.sum() == 0:
        raise InputError("the confusion matrix is empty; score at least one evaluation sample")
    return _rates(np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0))


def rates(hits: Numbers, support: Numbers, predicted: Numbers) -> ClassRates:
    """Recall, precision, specificity and F1 of each class, without a confusion matrix.

    The rates read nothing of a confusion matrix but these three; `ClassTally` counts them.

    Args:
        hits: right answers per class, ``(K,)``: the diagonal of the confusion matrix.
        support: evaluation samples per class, ``(K,)``: its row sums.
        predicted: predictions per class, ``(K,)``: its column sums.

    Returns:
        The rates, class by class.

    Raises:
        InputError: not three vectors of one length, numbers that no predictions can have given (arguments in
            another order, for instance), or no evaluation sample at all.
    """
    h, s, p = _array(hits), _array(support), _array(predicted)
    if h.ndim != 1 or not h.shape == s.shape == p.shape:
        raise InputError(f"hits, support and predicted have shapes {h.shape}, {s.shape} and {p.shape}; give (K,) each")
    # written so that NaN fails, too
    if not ((h >= 0).all() and (h <= s).all() and (h <= p).all() and np.isfinite(s.sum()) and s.sum() == p.sum()):
        raise InputError(
            "hits, support and predicted do not fit together; give right answers, samples and predictions "
            "of each class in this order, all of the same evaluation samples"
        )
    if s.sum() == 0:
        raise InputError("support is all zero; score at least one evaluation sample")
    return _rates(h, s, p)


def _rates(hits: FloatArray, support: FloatArray, predicted: FloatArray) -> ClassRates:
    total = support.sum()
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


def as_numpy(values: Numbers) -> npt.NDArray[Any]:
    """Numbers as an array of their own type; numpy has no bfloat16, which becomes float32."""
    if isinstance(values, Tensor):
        values = values.detach().cpu()
        return np.asarray(values.float() if values.dtype is torch.bfloat16 else values)
    return np.asarray(values)


def _array(values: Numbers) -> FloatArray:
    return as_numpy(values).astype(np.float64)


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """``part / whole``, 0 where both are 0."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
