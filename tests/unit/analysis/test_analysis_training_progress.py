"""Curves of training, summed up in a few numbers."""

import math

import pytest

from lightning_imb.analysis.training_progress import difference, epochs_until_share, progress_numbers, ratio, span

MAJOR = {0: 0.0, 1: 0.6, 3: 0.8, 5: 1.0}


def test_minor_classes_catch_up_at_the_first_look_with_half_the_recall():
    assert epochs_until_share({0: 0.0, 1: 0.2, 3: 0.4, 5: 0.3}, MAJOR) == 4
    assert epochs_until_share({0: 0.0, 1: 0.3, 3: 0.1, 5: 0.1}, MAJOR) == 2  # it counts even if they fall back
    assert epochs_until_share({5: 0.9, 1: 0.2, 3: 0.7}, MAJOR) == 4  # whatever the order of the looks
    assert epochs_until_share({1: 0.5, 3: 0.7, 5: 0.9}, MAJOR, share=0.9) == 6


def test_nothing_learned_is_not_caught_up():
    assert math.isnan(epochs_until_share({0: 0.0}, {0: 0.0}))
    assert math.isnan(epochs_until_share({0: 0.1, 1: 0.2}, MAJOR))
    assert math.isnan(epochs_until_share({}, {}))
    assert math.isnan(epochs_until_share({7: 0.9}, MAJOR))  # an epoch that the major classes do not have


def test_two_curves_meet_in_the_epochs_that_both_have():
    assert difference({0: 1.0, 1: 0.75, 2: 0.5}, {1: 0.5, 2: 0.75, 3: 0.0}) == {1: 0.25, 2: -0.25}
    assert ratio({0: 1.0, 1: 3.0, 2: 4.0}, {0: 0.0, 1: 2.0, 2: 1.0, 5: 1.0}) == {1: 1.5, 2: 4.0}


def test_a_curve_in_three_numbers():
    assert span({4: 1.0, 0: 2.0, 2: 5.0}) == {"first": 2.0, "max": 5.0, "last": 1.0}
    assert all(math.isnan(value) for value in span({}).values())


def test_numbers_of_a_run():
    curves = {
        "recall_major": {0: 0.5, 1: 0.75},
        "recall_minor": {0: 0.0, 1: 0.5},
        "minor_to_major": {0: 1.0, 1: 0.25},
        "gradient_ratio": {0: 1.0, 1: 8.0},
        "gradient_total_major": {0: 10.0, 1: 4.0},
        "gradient_total_minor": {0: 1.0, 1: 2.0},
    }
    numbers = progress_numbers(curves)
    assert numbers["epochs_to_half"] == 2
    assert (numbers["recall_gap/first"], numbers["recall_gap/last"]) == (0.5, 0.25)
    assert (numbers["minor_to_major/first"], numbers["minor_to_major/last"]) == (1.0, 0.25)
    assert numbers["gradient_ratio/max"] == 8.0
    assert numbers["gradient_total_ratio/last"] == pytest.approx(0.5)


def test_what_was_not_logged_is_not_defined():
    numbers = progress_numbers({"recall_major": {0: 0.5}, "recall_minor": {0: 0.5}})
    assert numbers.pop("epochs_to_half") == 1
    defined = {name for name, value in numbers.items() if not math.isnan(value)}
    assert defined == {"recall_gap/first", "recall_gap/max", "recall_gap/last"}
    assert len(numbers) == 12
