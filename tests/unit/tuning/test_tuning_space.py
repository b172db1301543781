"""What may be searched, and how a value is written on a command line."""

import optuna
import pytest
from helpers.runs import assert_refused
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from lightning_imb.tuning.space import ends, override, read_space, suggest


def test_each_type_becomes_what_it_says():
    space = read_space(
        {
            "resampler.k": {"type": "int", "low": 5, "high": 200, "log": True},
            "retrain.batch_size": {"type": "int", "low": 32, "high": 128, "step": 32},
            "optimizer.lr": {"type": "float", "low": 1e-4, "high": 1},
            "loss": {"type": "categorical", "choices": ["ce", "focal"]},
        }
    )
    assert space == {
        "resampler.k": IntDistribution(5, 200, log=True),
        "retrain.batch_size": IntDistribution(32, 128, step=32),
        "optimizer.lr": FloatDistribution(1e-4, 1),
        "loss": CategoricalDistribution(["ce", "focal"]),
    }
    assert [ends(among) for among in space.values()] == [[5, 200], [32, 128], [1e-4, 1], ["ce", "focal"]]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (3, ["categorical"]),
        ({"type": "real", "low": 0, "high": 1}, ["real", "float"]),
        ({"type": "int", "low": 1}, ["'high' is missing"]),
        ({"type": "int", "low": 1, "high": 2.5}, ["2.5", "int"]),
        ({"type": "int", "low": True, "high": 2}, ["True", "int"]),
        ({"type": "float", "low": "1e-4x", "high": 1}, ["1e-4x"]),
        ({"type": "float", "low": 2, "high": 1}, ["low=2 must be below high=1"]),
        ({"type": "float", "low": 0, "high": 1, "log": True}, ["0"]),
        ({"type": "int", "low": 1, "high": 8, "log": True, "step": 2}, ["step"]),
        ({"type": "int", "low": 1, "high": 8, "hi": 2}, ["'hi'", "high"]),
        ({"type": "categorical", "choices": []}, ["choice"]),
        ({"type": "categorical", "choices": [[1], [2]]}, ["single value", "[1]"]),
        ({"type": "categorical", "choices": [1, 1]}, ["twice"]),
    ],
)
def test_a_bad_entry_is_named(entry, words):
    assert_refused(lambda: read_space({"resampler.k": entry}), "search.space: resampler.k", *words)


def test_an_empty_space_is_refused():
    assert_refused(lambda: read_space({}), "empty")


@pytest.mark.parametrize(
    "key",
    [
        "seed",
        "protocol",
        "protocol.val_size",
        "imbalance.ratio",
        "dataset",
        "dataset.split_seed",
        "dataset.csv",
        "store",
    ],
)
def test_what_decides_the_question_cannot_be_searched(key):
    assert_refused(lambda: read_space({key: {"type": "categorical", "choices": [1, 2]}}), key, "compared")


@pytest.mark.parametrize("key", ["threads", "paths.logs", "logger", "callbacks.progress"])
def test_what_changes_no_score_cannot_be_searched(key):
    assert_refused(lambda: read_space({key: {"type": "categorical", "choices": [1, 2]}}), key, "no score")


def test_how_images_are_augmented_can_be_searched():
    assert read_space({"dataset.augment.pad": {"type": "int", "low": 0, "high": 4}})


@pytest.mark.parametrize(
    "value", [5, -1, 0.1, 1e-05, 0.018700774249525893, True, None, "ce", "a b", "it's", "10", "null"]
)
def test_hydra_reads_the_value_that_was_written(value):
    (read,) = OverridesParser.create().parse_overrides([override("some.key", value)])
    assert read.key_or_group == "some.key"
    found = read.value()
    found = found.text if hasattr(found, "text") else found
    assert (type(found), found) == (type(value), value)


def test_a_trial_gets_a_value_of_every_setting_in_range():
    space = read_space(
        {
            "a": {"type": "int", "low": 5, "high": 200, "log": True},
            "b": {"type": "float", "low": 0.0, "high": 1.0, "step": 0.25},
            "c": {"type": "categorical", "choices": ["x", None]},
        }
    )
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    drawn = [suggest(study.ask(), space) for _ in range(30)]
    assert all(list(values) == ["a", "b", "c"] and 5 <= values["a"] <= 200 for values in drawn)
    assert {values["b"] for values in drawn} == {0.0, 0.25, 0.5, 0.75, 1.0}
    assert {values["c"] for values in drawn} == {"x", None}
