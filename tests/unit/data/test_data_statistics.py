import pytest
import torch

from lightning_imb.data.statistics import channel_statistics, level_counts, resolve_statistics
from lightning_imb.utils.errors import InputError


def never():
    raise AssertionError("nothing is to be measured")


def test_channel_statistics_are_those_of_numpy():
    images = torch.randint(0, 256, (20, 3, 5, 7), dtype=torch.uint8)
    mean, std = channel_statistics(level_counts(images))
    reference = images.numpy() / 255
    assert mean == pytest.approx(reference.mean(axis=(0, 2, 3)))
    assert std == pytest.approx(reference.std(axis=(0, 2, 3)))


def test_a_constant_channel_can_be_normalised():
    assert channel_statistics(level_counts(torch.full((2, 1, 3, 3), 7, dtype=torch.uint8)))[1] == [1.0]


def test_counts_of_parts_add_up():
    images = torch.randint(0, 256, (20, 3, 5, 7), dtype=torch.uint8)
    whole = level_counts(images)
    assert torch.equal(whole, level_counts(images[:6]) + level_counts(images[6:]))
    assert whole.sum(1).tolist() == [20 * 5 * 7] * 3


def test_given_numbers_are_taken_and_nothing_is_measured():
    assert resolve_statistics([0.1], [0.2], 1, never) == ([0.1], [0.2])


def test_each_of_the_two_can_be_measured_alone():
    counts = level_counts(torch.randint(0, 256, (4, 1, 5, 5), dtype=torch.uint8))
    mean, std = channel_statistics(counts)
    assert resolve_statistics("auto", [0.2], 1, lambda: counts) == (mean, [0.2])
    assert resolve_statistics([0.1], "auto", 1, lambda: counts) == ([0.1], std)


@pytest.mark.parametrize(("mean", "std"), [([0.1, 0.2], [0.2]), ("measured", [0.2]), ([0.1], [0.0])])
def test_what_cannot_normalise_is_refused(mean, std):
    with pytest.raises(InputError, match=r"dataset\.std"):
        resolve_statistics(mean, std, 1, never)
