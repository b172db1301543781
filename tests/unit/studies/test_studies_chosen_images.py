import numpy as np
import pytest

from lightning_imb.studies.chosen_images import right_and_wrong, spread_over_classes

LABELS = np.array([0] * 60 + [1] * 6 + [2] * 2)
EVERY = range(len(LABELS))


def test_all_where_there_is_no_limit():
    assert spread_over_classes([5, 3, 9], LABELS, None, 0) == [3, 5, 9]
    assert spread_over_classes([5, 3, 9], LABELS, 3, 0) == [3, 5, 9]


def test_equally_many_of_each_class_as_there_are():
    chosen = spread_over_classes(EVERY, LABELS, 20, 0)
    assert np.bincount(LABELS[chosen]).tolist() == [12, 6, 2]
    assert chosen == sorted(set(chosen))


def test_a_draw_depends_on_the_seed_alone():
    assert spread_over_classes(EVERY, LABELS, 9, 1) == spread_over_classes(EVERY, LABELS, 9, 1)
    assert spread_over_classes(EVERY, LABELS, 9, 1) != spread_over_classes(EVERY, LABELS, 9, 2)


def test_half_right_half_wrong():
    predicted = np.where(np.arange(len(LABELS)) % 2, LABELS, (LABELS + 1) % 3)
    chosen = right_and_wrong(EVERY, LABELS, predicted, 6, 0)
    right = [LABELS[row] == predicted[row] for row in chosen]
    assert right == [True] * 3 + [False] * 3
    assert LABELS[chosen].tolist() == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize(("wrong", "expected"), [(0, [6, 0]), (1, [5, 1]), (67, [1, 5]), (68, [0, 6])])
def test_the_other_kind_fills_up(wrong, expected):
    predicted = LABELS.copy()
    predicted[:wrong] += 1
    chosen = right_and_wrong(EVERY, LABELS, predicted, 6, 0)
    right = sum(int(LABELS[row] == predicted[row]) for row in chosen)
    assert [right, len(chosen) - right] == expected


def test_with_more_classes_than_places_the_classes_are_drawn():
    labels = np.arange(100).repeat(2)
    chosen = right_and_wrong(range(200), labels, labels, 8, 0)
    assert len(set(labels[chosen])) == 8
    assert labels[chosen].max() > 50


def test_only_rows_that_may_be_chosen():
    assert right_and_wrong([1, 61], LABELS, LABELS, 10, 0) == [1, 61]
    assert right_and_wrong([], LABELS, LABELS, 10, 0) == []
    assert right_and_wrong(EVERY, LABELS, LABELS, 0, 0) == []
