"""Questions to ask, and studies in a folder of the test."""

import dataclasses

import pytest
from hydra import initialize_config_module

from lightning_imb.tuning.question import Question
from lightning_imb.tuning.space import read_space
from lightning_imb.tuning.study import open_study

SPACE = {
    "resampler.k": {"type": "int", "low": 5, "high": 200, "log": True},
    "retrain.optimizer.lr": {"type": "float", "low": 1e-4, "high": 1.0, "log": True},
    "retrain.epochs": {"type": "categorical", "choices": [1, 2, 4]},
}
FIXED = ("retrain.scheduler.warmup_epochs=0",)


@pytest.fixture
def hydra():
    """Hydra as it is within its main."""
    with initialize_config_module("lightning_imb.conf", version_base="1.3"):
        yield


@pytest.fixture
def ask():
    """A function that makes a question, by default a good one: ``ask(metric="val/gmean")``."""

    def make(space=None, **changes):
        plain = Question(
            search="mine",
            fixed=FIXED,
            places=(),
            space=read_space(space or SPACE),
            metric="val/bacc",
            direction="maximize",
            seeds=(0,),
            sampler="tpe",
            sampler_seed=0,
            startup_trials=3,
        )
        return dataclasses.replace(plain, **changes)

    return make


@pytest.fixture
def opened(hydra, ask, tmp_path):
    """A function that opens the study of this test, as a new launch does."""

    def make(folder=tmp_path, **changes):
        folder.mkdir(exist_ok=True)
        return open_study(folder, ask(**changes))

    return make
