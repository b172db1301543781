import numpy as np
import pytest
import torch
from helpers import tiny
from torchvision.transforms import v2

from lightning_imb.data.second import InverseFrequency, same_images
from lightning_imb.utils.errors import InputError

COUNTS = np.array([300, 60, 9, 1])
TARGET = np.random.default_rng(0).permutation(np.repeat(np.arange(4), COUNTS))


@pytest.mark.parametrize("power", [0, 0.5, 1.0, 2.0])
def test_each_image_is_drawn_by_a_power_of_the_size_of_its_class(power):
    rows = InverseFrequency(power)(TARGET, np.zeros(50_000, dtype=np.int64), np.random.default_rng(0))
    weight = np.array([float(COUNTS[label]) ** -power for label in TARGET])
    p = np.array([weight[label == TARGET].sum() for label in range(4)]) / weight.sum()
    sigma = np.sqrt(50_000 * p * (1 - p))
    assert (np.abs(np.bincount(TARGET[rows]) - 50_000 * p) <= 3 * sigma).all()
    assert len(np.unique(rows[TARGET[rows] == 2])) == 9


def test_classes_without_images_are_not_drawn():
    rows = InverseFrequency(2.0)(np.array([0, 0, 2]), np.arange(3), np.random.default_rng(0))
    assert set(rows.tolist()) <= {0, 1, 2}


@pytest.mark.parametrize("power", [-0.1, "much", float("nan")])
def test_an_unusable_power_is_refused(power):
    with pytest.raises(InputError, match="power of the second stream"):
        InverseFrequency(power)


def test_a_second_view_is_of_the_same_images():
    rows = np.array([4, 4, 1])
    assert np.array_equal(same_images(TARGET, rows, np.random.default_rng(0)), rows)


def batches(**changes):
    """Transformed training batches of the tiny data."""
    data = tiny.data_module(pad=2, **changes)
    data.setup("fit")
    return [data.on_after_batch_transfer(batch, 0) for batch in data.train_dataloader()], data


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"in_memory": False},
        {"in_memory": False, "num_workers": 1},
        {"per_image": [v2.RandomInvert(p=0.5)]},
    ],
)
def test_two_views_hold_the_same_labels_and_other_pixels(changes):
    plain, _ = batches(**changes)
    both, _ = batches(second=same_images, **changes)
    for alone, batch in zip(plain, both, strict=True):
        own = batch.own
        assert own == len(alone.target)
        assert len(batch.inputs) == len(batch.target) == 2 * own
        assert torch.equal(batch.target[:own], alone.target)
        assert torch.equal(batch.target[own:], alone.target)
        assert batch.key == alone.key
        differ = (batch.inputs[:own] != batch.inputs[own:]).flatten(1).any(1)
        assert differ.float().mean() > 0.7  # an augmentation of its own for each row


def test_a_stream_of_the_rare_classes_comes_beside_the_ordinary_one():
    plain, data = batches()
    both, _ = batches(second=InverseFrequency(1.0))
    own = torch.cat([batch.target[: batch.own] for batch in both])
    assert torch.equal(own, torch.cat([batch.target for batch in plain]))
    assert own.bincount().tolist() == data.class_counts
    others = torch.cat([batch.target[batch.own :] for batch in both])
    assert len(others) == len(own)
    assert others.bincount(minlength=3)[2] > 10 > own.bincount()[2]


def test_evaluation_has_no_second_stream():
    _, data = batches(second=same_images)
    for split in ("train", "val", "test"):
        assert {batch.own for batch in data.ordered_dataloader(split)} == {None}


def test_it_may_be_replaced_between_fits():
    _, data = batches(second=same_images)
    data.second, data.batch_size = None, 7
    assert [(batch.own, len(batch.target)) for batch in data.train_dataloader()] == [(None, 7)] * 8
    data.second = same_images
    assert [(batch.own, len(batch.target)) for batch in data.train_dataloader()] == [(7, 14)] * 8
