"""Runs that are stopped and go on: the end is that of a run that nobody disturbed, to the last bit."""

import csv
import signal

import pytest
import torch
from helpers.runs import config, trained
from helpers.same_runs import THREE, assert_same_run, results, uninterrupted

from lightning_imb.callbacks import phase_switch
from lightning_imb.callbacks.nan_guard import NanGuard
from lightning_imb.phases import Phase
from lightning_imb.runs import RunFolder
from lightning_imb.workflow import train


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Three phases, never interrupted."""
    return uninterrupted(tmp_path_factory.mktemp("whole") / "run")


class KilledError(Exception):
    """What the test throws into a run."""


def train_until(folder, monkeypatch, phase, epoch, batch, overrides):
    """Start a run and stop it before the end of a batch."""
    look = NanGuard.on_train_batch_end

    def stop(self, trainer, pl_module, outputs, data, batch_idx):
        if (pl_module.phase, trainer.current_epoch, batch_idx) == (phase, epoch, batch):
            raise KilledError
        look(self, trainer, pl_module, outputs, data, batch_idx)

    with monkeypatch.context() as patched:
        patched.setattr(NanGuard, "on_train_batch_end", stop)
        patched.setattr(phase_switch, "_STEPS", 1)  # or an epoch of phase 3 would be one call
        with pytest.raises(KilledError):
            train(config(folder, *overrides))
    assert not RunFolder(folder).finished


@pytest.mark.parametrize(
    ("phase", "epoch", "batch"),
    [
        (Phase.REPRESENT, 0, 2),  # before any checkpoint
        (Phase.REPRESENT, 1, 0),  # at the start of an epoch
        (Phase.REPRESENT, 2, 4),  # inside one, after the weights changed
        (Phase.RETRAIN, 0, 0),  # between the phases
        (Phase.RETRAIN, 2, 3),
    ],
)
def test_a_killed_run_goes_on_as_if_nothing_had_happened(tmp_path, monkeypatch, whole, phase, epoch, batch):
    train_until(tmp_path / "run", monkeypatch, phase, epoch, batch, THREE)
    assert_same_run(whole, trained(tmp_path / "run", *THREE))


def test_a_run_killed_twice_goes_on_as_well(tmp_path, monkeypatch, whole):
    train_until(tmp_path / "run", monkeypatch, Phase.REPRESENT, 1, 3, THREE)
    train_until(tmp_path / "run", monkeypatch, Phase.RETRAIN, 1, 3, THREE)
    assert_same_run(whole, trained(tmp_path / "run", *THREE))


def test_a_run_killed_after_its_training_is_scored_without_training(tmp_path, monkeypatch):
    run = uninterrupted(tmp_path / "run")
    before = results(run)
    run.metrics_file.unlink()
    run.predictions_file("test").unlink()
    monkeypatch.setattr(NanGuard, "on_train_batch_end", lambda *args: pytest.fail("trained again"))
    assert results(trained(run.path, *THREE)) == before


def test_a_network_that_draws_random_numbers_resumes_exactly(tmp_path, monkeypatch):
    model = ["method=erm", "epochs=2", "batch_size=200", "model=torchvision"]
    model += ["model.extractor.name=shufflenet_v2_x0_5"]

    def with_dropout(self, images):
        z = self.network(images.expand(-1, 3, -1, -1))
        return torch.nn.functional.dropout(z, 0.5, self.training)

    monkeypatch.setattr("lightning_imb.models.backbones.TorchvisionBackbone.forward", with_dropout)
    uninterrupted = trained(tmp_path / "whole", *model)
    train_until(tmp_path / "run", monkeypatch, Phase.REPRESENT, 1, 0, model)
    assert_same_run(uninterrupted, trained(tmp_path / "run", *model))


def test_a_process_that_is_killed_goes_on_as_if_nothing_had_happened(console, tmp_path):
    given = ["epochs=6", "retrain.epochs=2", "logger=csv", "callbacks=quiet", "threads=1"]  # not as many as are free
    run = RunFolder(tmp_path / "run")
    killed = [("signal_at", signal.SIGKILL, "represent", 3, 2)]
    end = console(tmp_path, *given, f"hydra.run.dir={run.path}", accidents=killed)
    assert end.code == 128 + signal.SIGKILL, end.out
    last = run.checkpoint(Phase.REPRESENT, "last")
    assert torch.load(last, weights_only=True)["epoch"] < 5
    assert not run.finished
    trained(run.path, *given)
    assert_same_run(trained(tmp_path / "whole", *given), run)
    with run.metrics_csv.open(newline="") as file:
        epochs = [(row["phase"], int(row["epoch"])) for row in csv.DictReader(file) if row["train/loss"]]
    assert epochs == [("represent", e) for e in range(6)]


def test_a_terminated_process_does_not_end_like_a_finished_one(console, tmp_path):
    told = [("signal_at", signal.SIGTERM, "represent", 1, 2)]
    given = ["epochs=4", "logger=none", "callbacks=quiet", f"hydra.run.dir={tmp_path / 'run'}"]
    end = console.script("train", *given, cwd=tmp_path, accidents=told)
    assert end.code == 128 + signal.SIGTERM, end.err
    assert (tmp_path / "run" / "checkpoints" / "represent" / "last.ckpt").is_file()
    assert "interrupted by SIGTERM: the same command with the same folder goes on from there" in end.err
