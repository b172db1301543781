"""Spots of units inside regions."""

import numpy as np
import pytest

from lightning_imb.analysis.concept_count import concept_count, count_summary

EVERYWHERE = np.ones((5, 5), dtype=bool)


def drawn(*lines):
    return np.array([[character == "#" for character in line] for line in lines])


def test_spots_touch_by_sides_and_corners_and_holes_are_none():
    ring = drawn("###..", "#.#..", "###..", "...#.", "....#")
    apart = drawn("#.#.#", ".....", "#.#.#", ".....", "#....")
    assert concept_count(ring[None], EVERYWHERE, "components") == 1
    assert concept_count(apart[None], EVERYWHERE, "components") == 7
    assert concept_count(np.stack([ring, apart, ring]), EVERYWHERE, "components") == 9  # units do not touch each other
    assert concept_count(np.stack([ring, apart, ~EVERYWHERE]), EVERYWHERE, "units") == 2


def test_only_what_lies_in_the_region_counts():
    on = drawn("#.#.#", ".....", "#####", ".....", "#....")[None]
    region = drawn("#....", ".....", "##.##", ".....", ".....")
    assert concept_count(on, region, "components") == 3
    assert concept_count(on, ~EVERYWHERE, "components") == concept_count(on, ~EVERYWHERE, "units") == 0


def test_summary_of_counts():
    found = count_summary(np.array([1, 2, 6]))
    assert found == {"images": 3, "min": 1, "max": 6, "mean": 3, "sd": pytest.approx(7**0.5)}
    one, none = count_summary(np.array([4])), count_summary(np.zeros(0, dtype=int))
    assert (one["mean"], none["images"]) == (4, 0)
    assert np.isnan([one["sd"], none["mean"], none["max"]]).all()
