"""What is known of phase 3 before it is trained."""

import pytest
import torch
from helpers import tiny
from helpers.runs import composed

from lightning_imb.phase_3 import build_phase_3, counts_of_phase_3


@pytest.fixture(scope="module")
def data():
    module = tiny.data_module()
    module.setup("fit")
    return module


def counted(data, *overrides, epochs=10):
    cfg = composed("model=small_cnn", *overrides)
    return counts_of_phase_3(build_phase_3(cfg, data.class_counts), data, epochs)


@pytest.mark.parametrize("method", ["random", "eos", "smote"])
def test_an_over_sampler_fills_every_class_up(data, method):
    assert counted(data, f"method={method}") == [max(data.class_counts)] * 3


def test_an_over_sampler_may_be_told_how_far(data):
    assert counted(data, "method=random", "resampler.sampling_strategy={1:20,2:12}") == [data.class_counts[0], 20, 12]


def test_without_one_the_classes_stay(data):
    assert counted(data, "method=retrain") == data.class_counts


def test_images_are_counted_by_their_draw(data):
    balanced = [round(sum(data.class_counts) / 3)] * 3
    assert counted(data, "method=crt") == balanced
    assert counted(data, "method=weight_balancing") == data.class_counts
    last = counted(data, "method=crt", "sampler@retrain.sampler=progressive", epochs=10)
    torch.testing.assert_close(torch.tensor(last), torch.tensor(balanced), atol=4, rtol=0)
    assert last[0] > last[2]
