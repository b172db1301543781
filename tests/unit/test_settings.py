"""Which settings make a run another one."""

import pytest
from helpers.runs import config

from lightning_imb.settings import changed_keys, config_hash, first_of, flat_settings, targets


def test_settings_are_flat_and_lists_are_text():
    flat = flat_settings(config("/runs/a", "dataset.mean=[0.1]"))
    assert flat["imbalance.ratio"] == 20
    assert flat["dataset.mean"] == "[0.1]"


def test_classes_are_found_by_their_settings_and_in_lists():
    flip = "torchvision.transforms.v2.RandomVerticalFlip"
    found = targets(config("/runs/a", f"dataset.augment.per_image=[{{_target_: {flip}}}]"))
    assert ("dataset.augment.per_image", flip) in found
    assert ("loss", "lightning_imb.losses.CrossEntropyLoss") in found


@pytest.mark.parametrize("change", ["seed=1", "loss=focal", "resampler.k=3", "retrain.epochs=9", "epochs=9"])
def test_what_changes_a_result_changes_the_hash_and_is_named(change):
    before, after = config("/runs/a"), config("/runs/a", change)
    assert any(key.startswith(change.partition("=")[0]) for key in changed_keys(before, after))
    assert config_hash(before) != config_hash(after)


@pytest.mark.parametrize("change", ["threads=2", "num_workers=2", "logger=csv", "store=on", "cache=false"])
def test_how_a_run_is_carried_out_makes_no_other_run(change):
    before, after = config("/runs/a"), config("/runs/b", change)
    assert changed_keys(before, after) == []
    assert config_hash(before) == config_hash(after)


def test_the_first_few_of_many_names():
    assert first_of(["a", "b"]) == "a, b"
    assert first_of(list("abcdefg"), most=2) == "a, b and 5 more"
