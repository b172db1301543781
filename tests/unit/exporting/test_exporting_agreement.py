"""The comparison of a file with its network."""

import math

import pytest
import torch
from helpers.exported import describing
from helpers.runs import assert_refused

from lightning_imb.exporting.agreement import check_agreement, compare, in_words, trial_images

BATCHES = [torch.zeros(1, 2), torch.zeros(3, 2)]


def constant(*values):
    """Answers one row for each image."""
    return lambda images: torch.tensor(values).expand(len(images), -1)


def same(images):
    return images


def softmax(row):
    parts = [math.exp(value) for value in row]
    return [part / sum(parts) for part in parts]


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
@pytest.mark.parametrize("classes", [False, True])
def test_outputs_are_compared_as_a_share_of_the_largest_one(one, other, expected, classes):
    assert compare(constant(*one), constant(*other), BATCHES, classes).outputs == pytest.approx(expected)


def test_a_difference_in_any_batch_counts():
    found = compare(lambda x: torch.full((len(x),), len(x) * 1.0), lambda x: torch.ones(len(x)), BATCHES, False)
    assert found.outputs == 2


def test_a_batch_of_small_outputs_is_not_judged_by_the_large_ones_of_another():
    batches = [torch.tensor([1000.0]), torch.tensor([0.01])]
    assert compare(lambda x: x + 0.001, same, batches, False).outputs == pytest.approx(0.1, rel=1e-3)


def test_probabilities_and_classes_are_compared():
    wanted, found = [[2.0, 1.0, 0.0], [0.0, 0.3, 0.1]], [[2.0, 1.5, 0.0], [0.4, 0.3, 0.1]]
    agreement = compare(lambda _: torch.tensor(found), lambda _: torch.tensor(wanted), [torch.zeros(2, 1)], True)
    apart = [
        abs(a - b)
        for one, other in zip(found, wanted, strict=True)
        for a, b in zip(*map(softmax, (one, other)), strict=False)
    ]
    assert agreement.probabilities == pytest.approx(max(apart))
    assert (agreement.changed, agreement.images) == (1, 2)
    assert agreement.margin == pytest.approx(softmax(wanted[1])[1] - softmax(wanted[1])[0])


def test_numbers_have_no_classes():
    agreement = compare(lambda x: x + 1, same, [torch.tensor([1.0, 2.0])], False)
    assert (agreement.probabilities, agreement.margin, agreement.changed) == (0, 0, 0)
    assert "class" not in in_words(agreement, False)
    assert "0 of 2 images in another class" in in_words(agreement, True)


@pytest.mark.parametrize("wrong", [1.2, math.nan])
def test_what_differs_is_refused(wrong):
    def check():
        check_agreement("model.onnx", constant(wrong), constant(1.0), BATCHES, False, 0.1)

    assert_refused(check, "model.onnx", "tolerance=0.1", "formats")


def test_probabilities_apart_are_refused_where_outputs_are_large():
    """Outputs differ by 0.05 of the largest one, and that is all there is between two classes."""
    arguments = ("model.onnx", constant(100.0, 100.0), constant(100.0, 105.0), BATCHES)
    assert_refused(lambda: check_agreement(*arguments, True, 0.1), "4 of 4 images in another class", "tolerance=0.1")
    assert check_agreement(*arguments, False, 0.1).outputs == pytest.approx(5 / 105)


@pytest.mark.parametrize(("margin", "refused"), [(0.18, True), (0.08, False)])
def test_another_class_is_refused_where_the_network_is_surer_than_the_tolerance(margin, refused):
    """No probability is further off than the tolerance, and yet the network prefers its class by more than that."""
    wanted = constant(*(math.log(p) + 4 for p in (0.5 + margin / 2, 0.5 - margin / 2)))
    found = constant(*(math.log(p) + 4 for p in (0.499, 0.501)))
    agreement = compare(found, wanted, BATCHES, True)
    assert agreement.margin == pytest.approx(margin, abs=1e-5)
    assert max(agreement.outputs, agreement.probabilities) < 0.1
    if refused:
        assert_refused(lambda: check_agreement("a", found, wanted, BATCHES, True, 0.1), "4 of 4 images")
    else:
        assert check_agreement("a", found, wanted, BATCHES, True, 0.1) == agreement


def test_a_file_that_takes_no_other_number_of_images_is_refused():
    def two_alone(images):
        if len(images) != 1:
            raise RuntimeError("guard")
        return images

    words = ("model.pt2", "3 images", "RuntimeError")
    assert_refused(lambda: check_agreement("model.pt2", two_alone, same, BATCHES, False, 0.1), *words)


def test_files_are_tried_with_several_numbers_of_images():
    batches = trial_images(describing())
    assert [len(images) for images in batches] == [1, 2, 5]
    assert all(images.dtype == torch.uint8 for images in batches)
    assert (batches[-1][0] == 0).all()
    assert (batches[-1][1] == 255).all()
    assert {images.dtype for images in trial_images(describing(pixels="float32"))} == {torch.float32}
