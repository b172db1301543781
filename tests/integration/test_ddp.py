"""Two processes on this machine (DDP over gloo) do what one does, and end together."""

import csv
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import tiny, two_ranks
from helpers.commands import assert_one_sentence
from helpers.runs import composed, evaluated

from lightning_imb.build import build_datamodule
from lightning_imb.callbacks.phase_switch import balance, extract
from lightning_imb.fit import make_trainer, predict
from lightning_imb.resampling import EOS
from lightning_imb.restore import restore_network
from lightning_imb.runs import RunFolder

pytestmark = pytest.mark.slow
TESTS = Path(__file__).parents[1]
QUIET = (("without_figures",),)
PATIENCE = 300.0  # seconds until processes are taken to hang


def both(what, folder):
    """``helpers.two_ranks``; its pipes close when both processes are gone."""
    environment = os.environ | {"PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "helpers.two_ranks", str(what), str(folder)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("ranks")
    done = both("share", path)
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture(scope="module")
def seen(folder):
    return [torch.load(folder / f"seen_{rank}.pt") for rank in range(2)]


def alone(weights):
    """The same data and weights in this process alone."""
    data, model = tiny.data_module(**two_ranks.SETTINGS), tiny.classifier()
    data.setup("fit")
    model.load_state_dict(weights)
    return data, model


def test_both_processes_end_with_the_same_weights_sets_and_scores(seen):
    first, second = seen
    assert [first["rank"], second["rank"]] == [0, 1]
    for name in ("weights", "retrained", "validated"):
        assert all(torch.equal(value, second[name][key]) for key, value in first[name].items()), name
    for name in ("embedded", "balanced", "monitored", "predictions"):
        for mine, others in zip(first[name], second[name], strict=True):
            assert np.array_equal(mine, others), name


def test_shares_of_an_embedding_come_together_in_the_order_of_the_set(seen):
    data, model = alone(seen[0]["weights"])
    for name, split in (("embedded", "train"), ("monitored", "val")):
        z, y = extract(model, data, split)
        assert torch.equal(seen[0][name][1], y)
        assert torch.allclose(seen[0][name][0], z, atol=1e-6)


def test_the_balanced_set_is_the_one_that_a_single_process_makes(seen):
    z, y, n_real = seen[0]["balanced"]
    wanted = balance(*seen[0]["embedded"], EOS(k=5, random_state=0))
    assert torch.equal(z, wanted.z)
    assert torch.equal(y, wanted.y)
    assert n_real == wanted.n_real == len(seen[0]["embedded"][1])


def test_the_processes_share_one_draw_of_the_sampler(seen):
    data, _ = alone(seen[0]["weights"])
    loader = data.train_dataloader()
    loader.sampler.set_epoch(1)
    wanted = torch.cat([batch.target for batch in loader])
    drawn = torch.cat([one["drawn"] for one in seen])
    assert torch.equal(drawn.sort().values, wanted.sort().values)
    assert not torch.equal(torch.bincount(wanted), torch.tensor(data.class_counts))  # a class-balanced draw


def test_scores_are_those_of_a_single_process(seen, tmp_path):
    for weights, prefix in (("weights", ""), ("retrained", "retrain/")):
        data, model = alone(seen[0][weights])
        (wanted,) = two_ranks.trainer(tmp_path).validate(model, datamodule=data, verbose=False)
        logged = {name: float(seen[0]["validated"][f"{prefix}{name}"]) for name in wanted}
        assert logged.pop("val/loss") == pytest.approx(wanted.pop("val/loss"), rel=1e-5)
        assert logged == pytest.approx(wanted, abs=1e-7)


def test_predictions_are_those_of_a_single_process_row_by_row(seen, tmp_path):
    data, model = alone(seen[0]["retrained"])
    wanted = predict(two_ranks.trainer(tmp_path), model, data, "test", "test")
    logits, targets = seen[0]["predictions"]
    assert np.array_equal(targets, wanted.targets)
    assert np.allclose(logits, wanted.logits, atol=1e-5)


def test_both_stop_when_the_loss_of_one_is_no_number(folder):
    said, silent = ((folder / f"ended_{rank}").read_text() for rank in range(2))
    assert said.startswith("InputError the loss or the weights became NaN or infinite in epoch 0, batch 1 ")
    assert silent == "SystemExit 0"


@pytest.mark.parametrize("rank", [0, 1])
def test_no_process_outlives_another_that_failed(tmp_path, rank):
    start = time.monotonic()
    end = both(rank, tmp_path)
    assert end.returncode != 0
    assert f"rank {rank} fails" in end.stderr
    assert time.monotonic() - start < two_ranks.FOREVER


@pytest.fixture(scope="module")
def trained(console, tmp_path_factory):
    """All phases by two processes, in the folder that Hydra names after the time."""
    cwd = tmp_path_factory.mktemp("cli")
    given = ["accelerator=ddp_cpu", "sampler=class_balanced", "epochs=3", "retrain.epochs=2", "eval_batch_size=100"]
    end = console.script("train", *given, "logger=csv", "callbacks=quiet", "threads=1", cwd=cwd, accidents=QUIET)
    assert end.code == 0, end.err
    return cwd, end


def run_of(trained):
    (folder,) = (trained[0] / "logs" / "runs" / "eos").iterdir()  # one folder, the second process's too
    return RunFolder(folder)


def test_two_processes_train_one_run_and_one_of_them_speaks(trained):
    run, (_, end) = run_of(trained), trained
    assert run.finished
    assert end.out.count("recall per class, scores") == 1
    assert run.read_metrics()["resampler_report"]  # written by the process that over-sampled
    assert "hydra.run.dir" not in run.read_metrics()["command"]
    with run.metrics_csv.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows if row["train/loss"] and row["val/bacc"]] == ["0", "1", "2"]
    assert [row["epoch"] for row in rows if row["retrain/val/bacc"]] == ["0", "1"]


def test_its_scores_and_predictions_are_those_of_one_process(trained):
    run = run_of(trained)
    cfg = run.read_config()
    data, model = build_datamodule(cfg), restore_network(run, "auto", "auto")
    data.setup("test")
    accelerator = composed(f"accelerator.precision={cfg.accelerator.precision}").accelerator
    one = predict(make_trainer(accelerator, run.path, [], [], 1, 1), model, data, "test", "test")
    together = run.read_predictions("test")
    assert np.array_equal(together.targets, one.targets)
    assert np.allclose(together.logits, one.logits, atol=1e-4)
    metrics = {name: value for name, value in run.read_metrics().items() if name.startswith("test/")}
    assert {name: value for name, value in evaluated(run).items() if name in metrics} == metrics


def test_the_epoch_is_chosen_by_the_score_of_all_validation_images(trained):
    run = run_of(trained)
    with run.metrics_csv.open(newline="") as file:
        logged = [float(row["val/bacc"]) for row in csv.DictReader(file) if row["train/loss"]]
    assert evaluated(run, "split=val", "phase=represent")["val/bacc"] == pytest.approx(max(logged))


def test_a_sweep_of_several_processes_per_run_is_refused_in_one_sentence(console, tmp_path):
    end = console.script("train", "-m", "accelerator=ddp_cpu", "seed=0,1", cwd=tmp_path)
    assert_one_sentence(end, "accelerator.devices=2", "accelerator.strategy=ddp", "(-m)", "hydra/launcher")
    assert not list(tmp_path.rglob("*.ckpt"))


@pytest.mark.parametrize(
    "parts",
    [
        ["method=crt", "loss=seesaw", "mix=cmo", "mix.start=0", "mix.end=null", "sharpness=sam", "model.experts=2"],
        ["method=eos", "loss=bcl", "sampler=drs", "sampler.start=1", "oversample=random", "posthoc=temperature"],
    ],
    ids=lambda parts: " ".join(parts[:2]),
)
def test_parts_with_state_of_their_own_train_in_two_processes(console, tmp_path, parts):
    short = ["epochs=2", "retrain.epochs=2", "logger=csv", "callbacks=quiet", "threads=1", "hydra.run.dir=run"]
    end = console.script("train", "accelerator=ddp_cpu", *parts, *short, cwd=tmp_path, accidents=QUIET)
    assert end.code == 0, end.err
    run = RunFolder(tmp_path / "run")
    metrics = {name: value for name, value in run.read_metrics().items() if name.startswith("test/")}
    found = evaluated(run)
    assert {name: found[name] for name in ("test/bacc", "test/top1")} == {
        name: metrics[name] for name in ("test/bacc", "test/top1")
    }
