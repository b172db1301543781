"""The comparison of a file with its network."""

import math

import pytest
import torch
from helpers.exported import describing
from helpers.runs import assert_refused

from lightning_imb.exporting.agreement import check_agreement, difference, trial_images

BATCHES = [torch.zeros(1, 2), torch.zeros(3, 2)]


def constant(*values):
    """Answers one row for each image."""
    return lambda images: torch.tensor(values).expand(len(images), -1)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((1.0, 2.0), (1.0, 2.0), 0),
        ((1.0, 2.5), (1.0, 2.0), 0.25),
        ((1.0, 2.5), (-5.0, 2.0), 6 / 5),
        ((1000.0, 2000.0), (1000.0, 2500.0), 0.2),  # of any scale
        ((0.5, 0.0), (0.0, 0.0), 0.5),
        ((math.nan, 0.0), (0.0, 0.0), math.inf),
        ((0.0, 0.0), (math.inf, 0.0), math.inf),
        ((1.0,), (1.0, 2.0), math.inf),
    ],
)
def test_it_is_the_largest_difference_as_a_share_of_the_largest_output(one, other, expected):
    assert difference(constant(*one), constant(*other), BATCHES) == pytest.approx(expected)


def test_a_difference_in_any_batch_counts():
    assert difference(lambda x: torch.full((len(x),), len(x) * 1.0), lambda x: torch.ones(len(x)), BATCHES) == 2


@pytest.mark.parametrize("wrong", [1.2, math.nan])
def test_what_differs_is_refused(wrong):
    def check():
        check_agreement("model.onnx", constant(wrong), constant(1.0), BATCHES, 0.1)

    assert_refused(check, "model.onnx", "tolerance=0.1", "formats")


def test_what_agrees_is_told():
    assert check_agreement("model.onnx", constant(1.05), constant(1.0), BATCHES, 0.1) == pytest.approx(0.05)


def test_a_file_that_takes_no_other_number_of_images_is_refused():
    def two_alone(images):
        if len(images) != 1:
            raise RuntimeError("guard")
        return images

    words = ("model.pt2", "3 images", "RuntimeError")
    assert_refused(lambda: check_agreement("model.pt2", two_alone, lambda x: x, BATCHES, 0.1), *words)


def test_files_are_tried_with_several_numbers_of_images_and_with_real_ones():
    batches = trial_images(describing(), None)
    assert [len(images) for images in batches] == [1, 2, 5]
    assert all(images.dtype == torch.uint8 for images in batches)
    assert (batches[-1][0] == 0).all()
    assert (batches[-1][1] == 255).all()
    real = torch.zeros(7, 1, 8, 8, dtype=torch.uint8)
    assert trial_images(describing(), real)[-1] is real
    assert {images.dtype for images in trial_images(describing(pixels="float32"), None)} == {torch.float32}
