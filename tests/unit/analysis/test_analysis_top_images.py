"""Top images against a sort of all values, and the choice of units."""

import numpy as np
import pytest
import torch
from helpers.runs import assert_refused

from lightning_imb.analysis.top_images import ClassValues, TopImages, spread_classes, unit_values, units_of_classes

VALUES = np.random.default_rng(0).integers(0, 9, (30, 4)).astype(np.float32)  # with many ties
LABELS = np.arange(30) % 3


@pytest.mark.parametrize("batch", [1, 7, 30])
@pytest.mark.parametrize("images", [3, 50])
def test_top_images_are_those_of_a_sort(batch, images):
    top = TopImages(4, images)
    for start in range(0, 30, batch):
        top.add(VALUES[start : start + batch], np.arange(start, min(start + batch, 30)))
    for unit in range(4):
        order = sorted(range(30), key=lambda row: (-VALUES[row, unit], row))[:images]
        assert top.rows[unit].tolist() == order
        assert top.values[unit].tolist() == VALUES[order, unit].tolist()


def test_values_of_maps():
    maps = torch.tensor([[[[1.0, 2.0], [3.0, -6.0]]]])
    assert unit_values(maps, "max").tolist() == [[3]]
    assert unit_values(maps, "mean").tolist() == [[0]]
    assert_refused(lambda: unit_values(maps, "sum"), "value", "sum", "max, mean")


def test_selectivity_is_the_distance_of_means_in_standard_deviations():
    sums = ClassValues(4, 4)  # one class without images
    for part in np.array_split(np.arange(30), 4):
        sums.add(VALUES[part], LABELS[part])
    found = sums.selectivity()
    for c in range(3):
        for unit in range(4):
            column = VALUES[:, unit].astype(float)
            expected = (column[c == LABELS].mean() - column[c != LABELS].mean()) / column.std()
            assert found[c, unit] == pytest.approx(expected)
    assert np.isnan(found[3]).all()


def test_a_unit_that_never_changes_selects_nothing():
    sums = ClassValues(2, 1)
    sums.add(np.full((4, 1), 7, np.float32), np.array([0, 0, 1, 1]))
    assert sums.selectivity().tolist() == [[0], [0]]


def test_each_class_takes_its_best_unit_that_is_left():
    scores = np.array([[3.0, 1.0, 2.0], [5.0, 4.0, 0.0], [np.nan] * 3, [9.0, 8.0, 7.0]])
    assert units_of_classes(scores, [0, 1, 2, 3], 9) == [(0, 0), (1, 1), (3, 2)]
    assert units_of_classes(scores, [1, 0], 1) == [(1, 0)]
    assert units_of_classes(scores, [0, 1, 3, 0], 9) == [(0, 0), (1, 1), (3, 2)]  # no unit is left


def test_classes_are_spread_from_head_to_tail():
    assert spread_classes([5, 50, 20], 10) == [1, 2, 0]
    assert spread_classes(list(range(100, 0, -1)), 4) == [0, 33, 66, 99]
    assert spread_classes([3, 9], 1) == [1]
