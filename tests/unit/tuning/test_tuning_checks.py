"""What is refused before the first trial."""

import pytest
from helpers.runs import assert_refused, composed
from omegaconf import OmegaConf

from lightning_imb.tuning.checks import check_numbers, check_question

EPOCHS = {"type": "categorical", "choices": [1, 2]}


def refused(question, folder, *words):
    assert_refused(lambda: check_question(question, folder), *words)
    assert list(folder.iterdir()) == []


def test_a_good_question_passes_and_writes_nothing(hydra, ask, tmp_path):
    check_question(ask(), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("metric", ["test/bacc", "represent/test/bacc"])
def test_a_score_of_the_test_set_cannot_choose(hydra, ask, tmp_path, metric):
    refused(ask(metric=metric), tmp_path, metric, "test set", "val/bacc")


@pytest.mark.parametrize("metric", ["val/bac", "bacc", "val/recall"])
def test_an_unknown_score_is_refused(hydra, ask, tmp_path, metric):
    refused(ask(metric=metric), tmp_path, metric, "val/bacc")


def test_a_protocol_without_validation_images_is_refused(hydra, ask, tmp_path):
    refused(ask(fixed=("protocol=paper",)), tmp_path, "protocol=paper", "holdout")


def test_several_devices_are_refused(hydra, ask, tmp_path):
    refused(ask(fixed=("accelerator.devices=2",)), tmp_path, "devices=2")


@pytest.mark.parametrize("seeds", [(), (0, 0), (-1,), ("a",), (True,)])
def test_bad_seeds_are_refused(hydra, ask, tmp_path, seeds):
    refused(ask(seeds=seeds), tmp_path, "seeds")


def test_a_misspelt_setting_is_refused_with_the_nearest_one(hydra, ask, tmp_path):
    refused(ask(space={"retrain.epoch": EPOCHS}), tmp_path, "retrain.epoch", "did you mean 'retrain.epochs'")


def test_a_setting_of_another_resampler_is_refused(hydra, ask, tmp_path):
    refused(ask(fixed=("method=smote",)), tmp_path, "search=mine", "resampler.k")


def test_an_unknown_option_of_a_group_is_refused(hydra, ask, tmp_path):
    refused(ask(space={"loss": {"type": "categorical", "choices": ["ce", "ldma"]}}), tmp_path, "ldma", "ldam")


def test_settings_that_change_nothing_are_refused(hydra, ask, tmp_path):
    refused(ask(fixed=("method=erm", "resampler=eos")), tmp_path, "method=erm", "changes nothing")


def test_a_value_of_the_wrong_type_is_refused(hydra, ask, tmp_path):
    space = {"retrain.epochs": {"type": "categorical", "choices": [2, "many"]}}
    refused(ask(space=space), tmp_path, "retrain.epochs=many", "whole number")


def test_a_value_that_fails_whatever_the_others_are_is_refused(hydra, ask, tmp_path):
    refused(ask(space={"retrain.epochs": EPOCHS}, fixed=("retrain.val_every=2",)), tmp_path, "retrain.epochs=1")


def test_a_value_that_fails_in_some_combinations_only_may_be_tried(hydra, ask, tmp_path):
    space = {"retrain.epochs": EPOCHS, "retrain.val_every": {"type": "int", "low": 1, "high": 2}}
    check_question(ask(space=space), tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [("n_trials", 0), ("max_failures", 0), ("search.sampler", "grid"), ("search.direction", "up"), ("n_trials", "x")],
)
def test_numbers_and_words_of_the_search_are_checked(key, value):
    cfg = composed(config="tune")
    check_numbers(cfg)
    OmegaConf.update(cfg, key, value)
    assert_refused(lambda: check_numbers(cfg), key, str(value))
