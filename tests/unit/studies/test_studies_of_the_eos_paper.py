"""The analyses of the EOS paper on a real run, with the settings of their yaml files."""

from pathlib import Path

import pytest
from helpers.studies import opened
from hydra.utils import instantiate
from omegaconf import OmegaConf

CONF = Path(__file__).parents[3] / "conf" / "analysis"
QUICKER = {"gap": {"repetitions": 3}, "embedding_map": {"max_points": 20, "method": "pca", "cells": 30}}


@pytest.fixture(scope="module")
def eos(tmp_path_factory):
    return opened(tmp_path_factory.mktemp("run"), "method=eos", "dataset.val_size=0.1")


@pytest.mark.parametrize("name", ["gap", "head_norms", "embedding_map", "resampler_audit"])
def test_a_finished_run_is_looked_into(eos, name):
    found = instantiate(OmegaConf.merge(OmegaConf.load(CONF / f"{name}.yaml"), QUICKER.get(name, {}))).look(eos)
    assert found.numbers
    assert found.tables
    assert found.figures.keys() == found.captions.keys() != set()
    assert all(stage in text for stage in eos.stages for text in [" ".join(found.numbers)]) or name == "resampler_audit"
