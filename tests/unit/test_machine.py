import logging

import pytest
import torch
from helpers.runs import config
from hydra.types import RunMode
from omegaconf import OmegaConf
from torch import nn

from lightning_imb import machine
from lightning_imb.machine import Settled, settle_machine, spare_small_maps
from lightning_imb.runs import RunFolder
from lightning_imb.utils.choice import Choice

OUTRUNS = nn.Conv2d(1, 1, 3, stride=2, padding=1)


@pytest.fixture(autouse=True)
def same_threads_afterwards():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def fast(monkeypatch):
    """A machine with bfloat16 and three free cores."""
    monkeypatch.setattr(machine, "resolve_precision", lambda *_: Choice("bf16-mixed", "auto: it can"))
    monkeypatch.setattr(
        machine,
        "choose_threads",
        lambda setting, jobs: Choice(3 if setting == "auto" else setting, f"auto: {jobs} jobs"),
    )


def test_what_is_decided_stands_in_the_config_and_in_the_header(tmp_path, fast):
    cfg = config(tmp_path)
    settled = settle_machine(cfg, RunFolder(tmp_path))
    assert (cfg.accelerator.precision, cfg.threads) == ("bf16-mixed", 3)
    assert torch.get_num_threads() == 3
    assert settled.lines == {"precision": "bf16-mixed (auto: it can)", "threads": "3 (auto: 1 jobs)"}


def test_processes_on_cpus_share_the_cores(tmp_path, fast):
    assert settle_machine(config(tmp_path, "accelerator.devices=4")).threads.reason == "auto: 4 jobs"


def test_a_second_launch_decides_as_the_first(tmp_path):
    run = RunFolder.create(tmp_path)
    run.write_config(config(tmp_path, "threads=1", "accelerator.precision=16-mixed"))
    cfg = config(tmp_path)
    settle_machine(cfg, run)
    assert (cfg.accelerator.precision, cfg.threads) == ("16-mixed", 1)


def test_a_config_that_is_none_of_ours_decides_nothing(tmp_path, fast):
    run = RunFolder.create(tmp_path)
    run.config_file.write_text("threads: null\n")
    cfg = config(tmp_path)
    settle_machine(cfg, run)
    assert (cfg.accelerator.precision, cfg.threads) == ("bf16-mixed", 3)


def test_more_threads_than_there_are_cores_are_not_kept(tmp_path, fast, monkeypatch):
    monkeypatch.setattr(machine, "available_cores", lambda: 2)
    run = RunFolder.create(tmp_path)
    run.write_config(config(tmp_path, "threads=64"))
    cfg = config(tmp_path)
    settle_machine(cfg, run)
    assert cfg.threads == 3


def test_what_the_user_says_now_wins(tmp_path):
    run = RunFolder.create(tmp_path)
    run.write_config(config(tmp_path, "threads=1", "accelerator.precision=16-mixed"))
    cfg = config(tmp_path, "threads=2", "accelerator.precision=32-true")
    settle_machine(cfg, run)
    assert (cfg.accelerator.precision, cfg.threads) == ("32-true", 2)


def spared(tmp_path, precision, shape=(1, 1, 1), reason="auto: it can"):
    cfg = config(tmp_path, f"accelerator.precision={precision}")
    return cfg, spare_small_maps(cfg, Settled(Choice(precision, reason), Choice(1, "")), OUTRUNS, shape)


def test_networks_that_shrink_maps_to_nothing_train_in_float32(tmp_path):
    cfg, settled = spared(tmp_path, "bf16-mixed")
    assert cfg.accelerator.precision == settled.precision.value == "32-true"
    assert "steps beyond its maps" in settled.precision.reason


@pytest.mark.parametrize(("precision", "shape"), [("bf16-mixed", (1, 8, 8)), ("32-true", (1, 1, 1))])
def test_all_others_train_as_decided(tmp_path, precision, shape):
    cfg, settled = spared(tmp_path, precision, shape)
    assert cfg.accelerator.precision == settled.precision.value == precision


def test_who_insists_is_warned(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        cfg, _ = spared(tmp_path, "bf16-mixed", reason="")
    assert cfg.accelerator.precision == "bf16-mixed"
    assert "use accelerator.precision=32-true" in caplog.text


@pytest.mark.parametrize(
    ("launcher", "jobs"),
    [
        ({"_target_": "basic"}, 1),
        ({"n_jobs": 3}, 3),
        ({"n_jobs": -1}, 8),
        ({"n_jobs": -2}, 7),
        ({"cpus_per_task": 2}, 4),
        ({"cpus_per_task": 16}, 1),
        ({"cpus_per_task": None}, 1),
        ({"ray": {"remote": {"num_cpus": 0.5}}}, 16),
        ({"ray": {"remote": {}}}, 1),
    ],
)
def test_the_cores_are_divided_among_the_runs_that_a_launcher_starts_at_once(
    tmp_path, fast, monkeypatch, launcher, jobs
):
    monkeypatch.setattr(machine, "available_cores", lambda: 8)
    sweeping = OmegaConf.create({"mode": RunMode.MULTIRUN, "launcher": launcher})
    monkeypatch.setattr(machine.HydraConfig, "initialized", lambda: True)
    monkeypatch.setattr(machine.HydraConfig, "get", lambda: sweeping)
    assert settle_machine(config(tmp_path)).threads.reason == f"auto: {jobs} jobs"
