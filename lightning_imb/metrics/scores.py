"""Scores of the whole evaluation set and rows per class.

Classes without evaluation samples are left out of every mean over classes.
"""

from collections.abc import Sequence

import numpy as np

from lightning_imb.metrics.confusion import ClassRates, FloatArray, Numbers, class_rates
from lightning_imb.utils.errors import InputError

GROUPS = ("many", "medium", "few")
MANY_CLASSES = 100
"""Beyond this, no value per class is logged each epoch unless asked for: each is a column and a chart of its own."""


def scores(
    confusion: Numbers | ClassRates,
    class_counts: Sequence[int],
    few: int = 20,
    many: int = 100,
    correction: float = 0.0,
) -> dict[str, float]:
    """Score a classifier.

    With recall ``R_c`` and specificity ``S_c`` and means over the classes present:

    * ``top1``: share of right predictions
    * ``bacc``: mean of R_c (balanced accuracy)
    * ``gmean``: geometric mean of R_c, 0 as soon as one class is never hit
      (imbalanced-learn ``geometric_mean_score``, its default ``multiclass``)
    * ``gmean_macro``: ``sqrt(mean R_c * mean S_c)`` (the same function with ``macro``; the EOS code's GM)
    * ``macro_f1``: mean of ``2 TP / (2 TP + FP + FN)``
    * ``many``, ``medium``, ``few``: mean of R_c over the classes with more than ``many``, ``few..many`` and
      fewer than ``few`` training samples; a key is missing when no such class is present

    Args:
        confusion: ``(K, K)`` counts, rows = true class, columns = predicted class; or what is left of them when
            there are too many classes for such a matrix, as `rates` returns it.
        class_counts: training samples per class after the imbalance profile, ``(K,)``.
        few: training samples from which a class is ``medium``.
        many: training samples up to which a class is ``medium``.
        correction: replaces zero recalls in ``gmean``, 0..1.

    Returns:
        Name to value, each in 0..1.

    Raises:
        InputError: an unusable confusion matrix, counts of another length, or thresholds out of order.

    Source:
        Groups: Liu et al. 2019 (arXiv 1904.05160); facebookresearch/classifier-balancing: utils.py.
    """
    rates = _rates(confusion)
    groups = class_groups(class_counts, few, many)
    _check_length("class_counts", len(groups), rates)
    present = rates.support > 0
    values = {
        "top1": float(rates.hits.sum() / rates.support.sum()),
        "bacc": float(rates.recall[present].mean()),
        "gmean": _geometric_mean(rates.recall[present], correction),
        "gmean_macro": float(np.sqrt(rates.recall[present].mean() * rates.specificity[present].mean())),
        "macro_f1": float(rates.f1[present].mean()),
    }
    group_of = np.array(groups)
    for name in GROUPS:
        members = present & (group_of == name)
        if members.any():
            values[name] = float(rates.recall[members].mean())
    return values


def per_class(
    confusion: Numbers | ClassRates,
    class_counts: Sequence[int],
    class_names: Sequence[str],
    few: int = 20,
    many: int = 100,
) -> list[dict[str, str | int | float | None]]:
    """One row per class, in class order.

    Args:
        confusion: as `scores`.
        class_counts: training samples per class, ``(K,)``.
        class_names: ``(K,)``.
        few: as `scores`.
        many: as `scores`.

    Returns:
        Rows with ``class``, ``n_train``, ``support`` (evaluation samples), ``recall``, ``precision``, ``f1``
        and ``group``. Recall and F1 are None for a class without evaluation samples, so that the mean of
        the column is the score of the same name.

    Raises:
        InputError: as `scores`, or names of another length.
    """
    rates = _rates(confusion)
    groups = class_groups(class_counts, few, many)
    _check_length("class_counts", len(groups), rates)
    _check_length("class_names", len(class_names), rates)
    return [
        {
            "class": class_names[c],
            "n_train": int(class_counts[c]),
            "support": int(rates.support[c]),
            "recall": _none_if_nan(rates.recall[c]),
            "precision": float(rates.precision[c]),
            "f1": _none_if_nan(rates.f1[c]),
            "group": groups[c],
        }
        for c in range(len(groups))
    ]


def class_groups(class_counts: Sequence[int], few: int = 20, many: int = 100) -> list[str]:
    """Name the group of each class by its training count.

    Args:
        class_counts: training samples per class, ``(K,)``.
        few: fewer than this is ``few``.
        many: more than this is ``many``; what is left is ``medium``.

    Returns:
        ``many``, ``medium`` or ``few`` for each class.

    Raises:
        InputError: ``few`` above ``many``.
    """
    if few > many:
        raise InputError(f"few is {few} and many is {many}; few must not be above many")
    return ["many" if n > many else "few" if n < few else "medium" for n in class_counts]


def _rates(confusion: Numbers | ClassRates) -> ClassRates:
    return confusion if isinstance(confusion, ClassRates) else class_rates(confusion)


def _geometric_mean(recall: FloatArray, correction: float) -> float:
    """``exp(mean log)``: a product of many recalls would underflow."""
    if not 0 <= correction <= 1:
        raise InputError(f"correction is {correction}; give the recall that stands in for 0, from 0 to 1")
    lifted = np.where(recall == 0, correction, recall)
    return float(np.exp(np.log(lifted).mean())) if (lifted > 0).all() else 0.0


def _check_length(name: str, length: int, rates: ClassRates) -> None:
    if length != len(rates.support):
        raise InputError(f"{name} has {length} entries for {len(rates.support)} classes; give one per class")


def _none_if_nan(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)
