"""What is read off saved predictions: counts per class, confusion, groups of classes."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix as sklearn_confusion

from lightning_imb.reports.confusion import (
    Answers,
    answers,
    by_groups,
    class_tally,
    confusion_matrix,
    group_labels,
    recalls,
    row_shares,
)


@pytest.fixture
def given():
    rng = np.random.default_rng(0)
    return Answers(rng.integers(0, 7, 200), rng.integers(0, 7, 200), 7)


def test_confusion_is_that_of_sklearn():
    rng = np.random.default_rng(0)
    logits, targets = rng.normal(size=(200, 5)), rng.integers(0, 5, 200)
    expected = sklearn_confusion(targets, logits.argmax(1), labels=range(5))
    np.testing.assert_array_equal(confusion_matrix(answers(logits, targets)), expected)


def test_tally_is_diagonal_and_margins_of_the_confusion(given):
    matrix = confusion_matrix(given)
    for found, expected in zip(class_tally(given), (np.diag(matrix), matrix.sum(1), matrix.sum(0)), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_absent_classes_have_no_recall():
    given = Answers(np.array([0, 0, 0, 0, 2, 2]), np.array([0, 1, 0, 0, 1, 1]), 3)
    assert recalls(given) == [0.75, None, 0.0]
    shares = row_shares(confusion_matrix(given))
    np.testing.assert_array_equal(shares, [[0.75, 0.25, 0], [np.nan] * 3, [0, 1, 0]])


def test_counting_needs_no_memory_for_pairs_of_classes():
    million = 10**6  # whose confusion matrix would take eight terabytes
    given = Answers(np.array([0, million - 1]), np.array([0, 5]), million)
    found = recalls(given)
    assert (found[0], found[5], found[-1]) == (1.0, None, 0.0)
    groups = by_groups(given, range(million, 0, -1), 20)
    assert (groups.targets.tolist(), groups.predicted.tolist(), groups.classes) == ([0, 19], [0, 0], 20)


@pytest.mark.parametrize("groups", [1, 2, 3, 7])
def test_groups_add_up_the_cells_of_classes_of_like_frequency(given, groups):
    counts = [5, 900, 20, 900, 1, 70, 6]
    found = confusion_matrix(by_groups(given, counts, groups))
    order = [1, 3, 5, 2, 6, 0, 4]  # by training images, equals in their order
    blocks = np.arange(7) * groups // 7
    matrix = confusion_matrix(given)[np.ix_(order, order)]
    expected = [[matrix[np.ix_(blocks == i, blocks == j)].sum() for j in range(groups)] for i in range(groups)]
    np.testing.assert_array_equal(found, expected)
    ranks = [np.flatnonzero(blocks == group) + 1 for group in range(groups)]
    assert group_labels(7, groups) == [f"{rank[0]}–{rank[-1]}" for rank in ranks]
