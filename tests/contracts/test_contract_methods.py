"""Every method of conf/method trains, from the composed config to the done marker."""

import json

import pytest
from helpers.conf import composed, groups
from hydra.utils import instantiate
from omegaconf import OmegaConf

from lightning_imb import workflow
from lightning_imb.mixing import NoMixing
from lightning_imb.utils.checked import start_of

SHORT = ("epochs=1", "retrain.epochs=1", "logger=none", "callbacks=quiet", "threads=1")


def trained(folder, *overrides):
    workflow.train(composed(*SHORT, f"run_dir={folder}", *overrides))
    return json.loads((folder / "metrics.json").read_text())


OF_NUMBERS = [name for name in groups()["method"] if name.startswith("reg_")]
OF_CLASSES = [name for name in groups()["method"] if name not in OF_NUMBERS]
SIGMA = ("dataset=sigma", "dataset.train_size=200", "dataset.val_size=50", "dataset.test_size=50")


@pytest.mark.parametrize("name", OF_CLASSES)
def test_every_method_trains_on_digits(tmp_path, name):
    metrics = trained(tmp_path / "run", f"method={name}")
    retrains = composed(f"method={name}").retrain.enabled
    assert 0.05 < metrics["test/bacc"] <= 1
    assert metrics["method"] == name
    assert ("represent/test/bacc" in metrics) == retrains
    assert (tmp_path / "run/checkpoints/retrain/last.ckpt").is_file() == retrains


@pytest.mark.parametrize("name", OF_NUMBERS)
def test_every_method_of_numbers_trains_on_sigma(tmp_path, name):
    metrics = trained(tmp_path / "run", *SIGMA, f"method={name}", "imbalance=normal", "epochs=3")
    retrains = composed(f"method={name}").retrain.enabled
    assert metrics["test/mse"] < metrics["test/baseline/train_mean_mse"]
    assert metrics["method"] == name
    assert ("represent/test/mse" in metrics) == retrains
    assert (tmp_path / "run/checkpoints/retrain/last.ckpt").is_file() == retrains


@pytest.mark.parametrize("name", OF_CLASSES)
@pytest.mark.parametrize("epochs", [1, 2, 5, 10])
def test_what_a_method_defers_begins_in_short_trainings_too(name, epochs):
    """Or it would be called by a name whose method it never trains."""
    cfg = composed(f"method={name}")
    for part in ("loss", "reweight", "sampler", "retrain.sampler"):
        start = OmegaConf.select(cfg, f"{part}.start", default=0)
        assert start_of(f"{part}.start", start, epochs) < epochs
    mixer = instantiate(cfg.mix, _convert_="all")(class_counts=[20, 5])
    assert mixer.mixes_in(epochs) == (not isinstance(mixer, NoMixing))


@pytest.mark.parametrize("name", OF_NUMBERS)
def test_a_debug_run_is_long_enough_for_smoothed_features(name):
    cfg = composed(f"method={name}", "debug=fast")
    assert cfg.smoothing.start_epoch < cfg.epochs


@pytest.mark.parametrize("group", ["loss=ce", "optimizer=adam", "scheduler=cosine"])
def test_phase_3_trains_with_parts_of_its_own(tmp_path, group):
    kind, _, name = group.partition("=")
    metrics = trained(tmp_path / "run", "loss=focal", f"{kind}@retrain.{kind}={name}")
    assert metrics["test/bacc"] > 0
