"""What saved predictions say about each class, in numpy: counts, confusion, recalls."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np


class Answers(NamedTuple):
    """True and predicted class of each sample, (N,) int64 in 0..K-1, and K."""

    targets: np.ndarray
    predicted: np.ndarray
    classes: int


def answers(logits: np.ndarray, targets: np.ndarray) -> Answers:
    """Read off what a model answered: the class of the largest logit.

    Args:
        logits: (N, K).
        targets: (N,) in 0..K-1.
    """
    return Answers(targets.astype(np.int64), logits.argmax(axis=1), logits.shape[1])


def class_tally(given: Answers) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count right answers, samples and predictions of each class, (K,) int64 each.

    These are the diagonal and the margins of the confusion matrix, without the matrix: that of 8,142 classes
    takes half a gigabyte.
    """
    right = given.targets[given.predicted == given.targets]
    hits, support, predicted = (
        np.bincount(labels, minlength=given.classes) for labels in (right, given.targets, given.predicted)
    )
    return hits, support, predicted


def recalls(given: Answers) -> list[float | None]:
    """Recall of each class; None for a class without samples."""
    hits, support, _ = class_tally(given)
    return [hit / total if total else None for hit, total in zip(hits.tolist(), support.tolist(), strict=True)]


def confusion_matrix(given: Answers) -> np.ndarray:
    """Count how often class i (row) was taken for class j (column).

    Returns:
        (K, K) int64; row sums are the class counts of the targets.
    """
    k = given.classes
    return np.bincount(given.targets * k + given.predicted, minlength=k * k).reshape(k, k)


def row_shares(confusion: np.ndarray) -> np.ndarray:
    """Divide each row by its sum; rows of absent classes become NaN.

    Args:
        confusion: (K, K) counts.

    Returns:
        (K, K) float64 in [0, 1].
    """
    total = confusion.sum(axis=1, keepdims=True).astype(np.float64)
    shares = np.full(confusion.shape, np.nan)
    np.divide(confusion, total, out=shares, where=total > 0)
    return shares


def head_to_tail(counts: Sequence[int]) -> list[int]:
    """Positions of the classes from the most to the fewest images, (K,); equals keep their order."""
    return sorted(range(len(counts)), key=lambda k: -counts[k])


def by_groups(given: Answers, counts: Sequence[int], groups: int) -> Answers:
    """Put classes of like frequency together: every class becomes its group, 0 the most frequent.

    Args:
        given: The answers.
        counts: (K,) training images per class.
        groups: How many groups of equally many classes, up to one.
    """
    order = head_to_tail(counts)
    group_of = np.empty(len(order), dtype=np.int64)
    group_of[order] = np.arange(len(order)) * groups // len(order)
    return Answers(group_of[given.targets], group_of[given.predicted], groups)


def group_labels(classes: int, groups: int) -> list[str]:
    """Name the groups of `by_groups` by the ranks of their classes, ``1–50`` for the fifty most frequent."""
    starts = [-(-group * classes // groups) for group in range(groups + 1)]
    return [f"{a + 1}–{b}" for a, b in pairwise(starts)]
