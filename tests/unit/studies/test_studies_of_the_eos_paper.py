"""The analyses of the EOS paper on a real run, with the settings of their yaml files."""

from pathlib import Path

import numpy as np
import pytest
from helpers.studies import opened
from hydra.utils import instantiate
from omegaconf import OmegaConf

CONF = Path(__file__).parents[3] / "conf" / "analysis"
NUMBERS = {
    "gap": ("before/gap", "after/gap", "before/bacc", "after/bacc"),
    "head_norms": ("before/spread", "after/spread"),
    "embedding_map": ("before/faithful", "after/faithful"),
    "resampler_audit": ("generated", "partners/enemy"),
}
QUICKER = {"gap": {"repetitions": 3}, "embedding_map": {"max_points": 20, "method": "pca", "cells": 30}}


@pytest.fixture(scope="module")
def eos(tmp_path_factory):
    return opened(tmp_path_factory.mktemp("run"), "method=eos")


@pytest.mark.parametrize("name", ["gap", "head_norms", "embedding_map", "resampler_audit"])
def test_a_finished_run_is_looked_into(eos, name):
    found = instantiate(OmegaConf.merge(OmegaConf.load(CONF / f"{name}.yaml"), QUICKER.get(name, {}))).look(eos)
    assert found.tables.keys()
    assert found.figures.keys() == found.captions.keys() != set()
    assert all(np.isfinite(found.numbers[number]) for number in NUMBERS[name])
