"""Whole runs: what they leave behind, that they repeat, resume, and agree with evaluation and prediction."""

import ast
import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.images import pixels, write_csv, write_image, write_zip
from helpers.runs import (
    classified,
    coloured_classes,
    config,
    digit_files,
    evaluated,
    own_images,
    trained,
    weights,
)
from pytorch_lightning import Trainer

import lightning_imb
from lightning_imb.callbacks import phase_switch
from lightning_imb.callbacks.nan_guard import NanGuard
from lightning_imb.phases import Phase
from lightning_imb.reports.figures import run_figures
from lightning_imb.runs import RunFolder
from lightning_imb.workflow import train

# three phases with as much state as there is: margins, late weights, warm-up, a schedule
THREE = ["epochs=3", "retrain.epochs=3", "loss=ldam", "reweight=drw", "reweight.start=2"]
VOLATILE = ("wall_s", "command")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Three phases, never interrupted."""
    return trained(tmp_path_factory.mktemp("whole") / "run", *THREE)


def results(run):
    return {k: v for k, v in run.read_metrics().items() if k not in VOLATILE}


def assert_same_run(a, b):
    """Scores, predictions and weights are equal to the last bit."""
    assert results(a) == results(b)
    for name in ("test", "represent_test"):
        if a.predictions_file(name).is_file():
            assert np.array_equal(a.read_predictions(name).logits, b.read_predictions(name).logits)
    for path in a.checkpoints.rglob("*.ckpt"):
        phase, kind = Phase(path.parent.name), path.stem
        first, second = weights(a, phase, kind), weights(b, phase, kind)
        assert first.keys() == second.keys()
        assert all(torch.equal(first[k], second[k]) for k in first), path


# --- what a run leaves behind


def test_three_phases_leave_all_that_a_run_folder_promises(whole):
    files = {p.relative_to(whole.path).as_posix() for p in whole.path.rglob("*") if p.is_file()}
    assert {
        "config.yaml",
        "data.json",
        "metrics.json",
        "predictions/test.npz",
        "predictions/represent_test.npz",
        "checkpoints/represent/best.ckpt",
        "checkpoints/represent/last.ckpt",
        "checkpoints/retrain/best.ckpt",
        "checkpoints/retrain/last.ckpt",
        "figures/confusion.png",
        "figures/class_counts.png",
        "figures/recall.png",
    } <= files
    assert [f for f in files if f.split("/")[-1].startswith(".")] == [".lock"]  # no draft of an atomic write


def test_metrics_hold_scores_of_both_models_and_where_they_come_from(whole):
    metrics, predictions = whole.read_metrics(), whole.read_predictions("test")
    for prefix in ("test/", "represent/test/"):
        assert {"bacc", "top1", "gmean", "macro_f1", "recall"} <= {
            k.removeprefix(prefix) for k in metrics if k.startswith(prefix)
        }
        assert len(metrics[f"{prefix}recall"]) == 10
    assert {
        "method",
        "seed",
        "protocol",
        "selected_on",
        "dataset",
        "class_names",
        "parameters",
        "versions",
    } <= set(metrics)
    hits = predictions.logits.argmax(1) == predictions.targets
    recall = [hits[predictions.targets == k].mean() for k in range(10)]
    assert metrics["test/recall"] == pytest.approx(recall)
    assert metrics["test/bacc"] == pytest.approx(np.mean(recall))
    assert metrics["test/top1"] == pytest.approx(hits.mean())
    assert metrics["class_counts"] == whole.read_data()["class_counts"]
    assert sum(metrics["class_counts"]["test"]) == len(hits)


def test_phase_3_moves_the_head_alone(whole):
    before, after = weights(whole, Phase.REPRESENT, "best"), weights(whole, Phase.RETRAIN, "last")
    same = {name.split(".")[0]: True for name in before}
    for name, value in before.items():
        same[name.split(".")[0]] &= torch.equal(value, after[name])
    assert same == {"extractor": True, "head": False}


# --- repeating


def test_the_same_seed_gives_the_same_run_and_another_seed_another(tmp_path, whole):
    assert_same_run(whole, trained(tmp_path / "again", *THREE))
    other = trained(tmp_path / "other", *THREE, "seed=1")
    assert not np.array_equal(other.read_predictions("test").logits, whole.read_predictions("test").logits)
    assert other.read_data()["fingerprint"] == whole.read_data()["fingerprint"]
    assert other.read_data()["class_counts"] == whole.read_data()["class_counts"]


def test_a_finished_run_is_not_trained_again(whole, monkeypatch, capsys):
    before = {p: p.stat().st_mtime_ns for p in whole.path.rglob("*") if p.is_file()}
    monkeypatch.setattr(Trainer, "fit", lambda *args, **kwargs: pytest.fail("trained again"))
    monkeypatch.setattr(Trainer, "test", lambda *args, **kwargs: pytest.fail("tested again"))
    assert train(config(whole.path, *THREE)) == whole.read_metrics()
    assert {p: p.stat().st_mtime_ns for p in whole.path.rglob("*") if p.is_file()} == before
    assert "done already" in capsys.readouterr().out


# --- resuming


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
    run = trained(tmp_path / "run", "epochs=1", "retrain.epochs=1")
    before = results(run)
    run.metrics_file.unlink()
    run.predictions_file("test").unlink()
    monkeypatch.setattr(NanGuard, "on_train_batch_end", lambda *args: pytest.fail("trained again"))
    assert results(trained(run.path, "epochs=1", "retrain.epochs=1")) == before


def test_a_network_that_draws_random_numbers_resumes_exactly(tmp_path, monkeypatch):
    model = ["method=erm", "epochs=3", "batch_size=200", "model=torchvision"]
    model += ["model.extractor.name=shufflenet_v2_x0_5"]

    def with_dropout(self, images):
        z = self.network(images.expand(-1, 3, -1, -1))
        return torch.nn.functional.dropout(z, 0.5, self.training)

    monkeypatch.setattr("lightning_imb.models.backbones.TorchvisionBackbone.forward", with_dropout)
    uninterrupted = trained(tmp_path / "whole", *model)
    train_until(tmp_path / "run", monkeypatch, Phase.REPRESENT, 2, 0, model)
    assert_same_run(uninterrupted, trained(tmp_path / "run", *model))


def test_a_process_that_is_killed_goes_on_as_if_nothing_had_happened(tmp_path):
    given = ["epochs=40", "retrain.epochs=2", "logger=csv", "callbacks=quiet"]
    run = RunFolder(tmp_path / "run")
    command = [sys.executable, "-m", "lightning_imb.train", *given, f"hydra.run.dir={run.path}"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    last = run.checkpoint(Phase.REPRESENT, "last")
    patience = time.monotonic() + 120
    while not last.is_file() and process.poll() is None and time.monotonic() < patience:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors.decode()
    assert torch.load(last, weights_only=True)["epoch"] < 39
    assert not run.finished
    trained(run.path, *given)
    assert_same_run(trained(tmp_path / "whole", *given), run)
    with run.metrics_csv.open(newline="") as file:
        epochs = [(row["phase"], int(row["epoch"])) for row in csv.DictReader(file) if row["train/loss"]]
    assert epochs == [("represent", e) for e in range(40)]


def test_a_terminated_process_does_not_end_like_a_finished_one(tmp_path):
    last = tmp_path / "run" / "checkpoints" / "represent" / "last.ckpt"
    command = [sys.executable, "-m", "lightning_imb.train", "epochs=4000", "logger=none", "callbacks=quiet"]
    process = subprocess.Popen(
        [*command, f"hydra.run.dir={tmp_path / 'run'}"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    patience = time.monotonic() + 120
    while not last.is_file() and process.poll() is None and time.monotonic() < patience:
        time.sleep(0.01)
    process.terminate()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 143, errors.decode()
    assert "interrupted by SIGTERM: the same command with the same folder goes on from there" in errors.decode()


# --- protocols


@pytest.mark.parametrize(
    ("select", "label", "on"),
    [("last", "paper, last epoch", "nothing"), ("best_test", "paper, best epoch on TEST", "test")],
)
def test_the_paper_protocol_is_marked_wherever_its_numbers_stand(tmp_path, capsys, select, label, on):
    run = trained(tmp_path / "run", "method=erm", "epochs=3", "protocol=paper", f"protocol.select={select}")
    metrics, shown = run.read_metrics(), capsys.readouterr().out
    assert (metrics["protocol"], metrics["selected_on"]) == (label, on)
    assert list(metrics["class_counts"]) == ["train", "test"]
    assert shown.count(label) == 2  # header and table
    assert ("WARNING" in shown) == (select == "best_test")
    texts = [text.get_text() for figure in run_figures(run).values() for text in figure.texts]
    assert any(label in text for text in [*texts, *(f.get_supxlabel() for f in run_figures(run).values())])


def test_holdout_reports_the_epoch_that_validation_chose(tmp_path):
    run = trained(tmp_path / "run", "method=erm", "epochs=6", "logger=csv", "protocol.monitor=top1")
    with run.metrics_csv.open(newline="") as file:
        scores = [float(row["val/top1"]) for row in csv.DictReader(file) if row["val/top1"]]
    assert len(scores) == 6
    best = torch.load(run.checkpoint(Phase.REPRESENT, "best"), weights_only=True)
    assert best["epoch"] == int(np.argmax(scores))
    assert run.read_metrics()["protocol"] == "holdout, best epoch on validation by top1"
    assert evaluated(run, "split=val")["val/top1"] == pytest.approx(max(scores))
    assert evaluated(run)["test/bacc"] == run.read_metrics()["test/bacc"]


# --- images of one's own


def test_folder_zip_csv_and_streaming_give_the_same_run(tmp_path):
    root = coloured_classes(tmp_path / "images", (14, 10, 8))
    three = ["method=eos", "retrain.epochs=1", "num_workers=0"]
    folder = trained(tmp_path / "folder", *own_images(root, *three))
    packed = write_zip(tmp_path / "images.zip", root)
    names = sorted(p.relative_to(root).as_posix() for p in root.rglob("*.png"))
    listed = write_csv(tmp_path / "all.csv", ["path", "label"], [[name, name[0]] for name in names])
    others = {
        "zip": own_images(packed, *three),
        "csv": own_images(root, *three, f"dataset.csv={listed}", dataset="csv"),
        "stream": own_images(root, *three, "dataset.in_memory=false"),
    }
    for name, given in others.items():
        run = trained(tmp_path / name, *given)
        for which in ("represent_test", "test"):
            expected = folder.read_predictions(which)
            assert np.array_equal(run.read_predictions(which).logits, expected.logits), name
            assert np.array_equal(run.read_predictions(which).targets, expected.targets), name
        assert run.read_data()["class_names"] == ["a", "b", "c"]


def test_a_split_column_is_obeyed(tmp_path):
    root, rows = tmp_path / "images", []
    for split, count in (("train", 6), ("val", 2), ("test", 3)):
        for k in (3, 5):
            for i in range(count):
                write_image(root / f"{split}-{k}-{i}.png", pixels(i + 10 * k))
                rows.append([f"{split}-{k}-{i}.png", k, split])
    listed = write_csv(tmp_path / "all.csv", ["path", "label", "split"], rows)
    run = trained(tmp_path / "run", *own_images(root, f"dataset.csv={listed}", dataset="csv"))
    assert run.read_data()["class_counts"] == {"train": [6, 6], "val": [2, 2], "test": [3, 3]}
    assert run.read_data()["class_names"] == ["3", "5"]


def test_grey_images_of_many_sizes_are_made_fit(tmp_path):
    for k, name in enumerate("ab"):
        for i in range(8):
            write_image(tmp_path / "images" / name / f"{i}.png", pixels(i + 10 * k, 7 + i, 9 + k, 1))
    given = own_images(tmp_path / "images", "dataset.image_size=[8,10]", "dataset.channels=1")
    assert trained(tmp_path / "run", *given).read_data()["image_size"] == [1, 8, 10]


# --- options


@pytest.mark.parametrize(
    ("imbalance", "wanted"),
    [
        (["imbalance=exp", "imbalance.ratio=4"], [int(n * 4 ** (-k / 9)) for k, n in enumerate([128] * 10)]),
        (["imbalance=step", "imbalance.ratio=4", "imbalance.minority=0.3"], [128] * 7 + [32] * 3),
        (["imbalance=none"], [122] * 10),
        (["imbalance=natural"], [125, 127, 124, 128, 127, 127, 127, 125, 122, 126]),
        (["imbalance=exp", "imbalance.ratio=4", "imbalance.selection=ldam_drw"], None),
    ],
)
def test_every_imbalance_gives_the_counts_it_promises(tmp_path, imbalance, wanted):
    run = trained(tmp_path / "run", "method=erm", "epochs=1", "protocol=paper", *imbalance)
    available = [125, 127, 124, 128, 127, 127, 127, 125, 122, 126]
    wanted = wanted or [int(128 * 4 ** (-k / 9)) for k in range(10)]
    counts = run.read_data()["class_counts"]["train"]
    assert counts == [min(n, there) for n, there in zip(wanted, available, strict=True)]


def test_half_precision_runs_on_the_cpu(tmp_path):
    run = trained(tmp_path / "run", "epochs=1", "retrain.epochs=1", "accelerator.precision=bf16-mixed")
    assert np.isfinite(run.read_predictions("test").logits).all()
    assert all(v.dtype != torch.bfloat16 for v in weights(run, Phase.RETRAIN).values())


def test_deferred_weights_change_the_loss_from_their_epoch_on(tmp_path):
    losses = {}
    for name in ("none", "drw"):
        given = ["method=erm", "epochs=4", "logger=csv", "scheduler=constant", f"reweight={name}"]
        run = trained(tmp_path / name, *given, *([] if name == "none" else ["reweight.start=0.5"]))
        with run.metrics_csv.open(newline="") as file:
            rows = [row["train/loss"] for row in csv.DictReader(file) if row["train/loss"]]
        losses[name] = [float(value) for value in rows]
    assert losses["none"][:2] == losses["drw"][:2]
    assert losses["none"][2] != losses["drw"][2]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Three phases whose options are varied below; best and last epoch of phase 1 differ."""
    given = ["epochs=4", "retrain.epochs=1", "optimizer.lr=0.2", "seed=1", "accelerator.precision=32-true", "threads=1"]
    run = trained(tmp_path_factory.mktemp("shared") / "run", *given)
    best = torch.load(run.checkpoint(Phase.REPRESENT, "best"), weights_only=True)["epoch"]
    assert best < 3, "choose another seed: the last epoch is the best"
    return run, given


@pytest.mark.parametrize("start", ["best", "last"])
def test_phase_3_starts_from_the_checkpoint_asked_for(tmp_path, shared, start):
    run = trained(tmp_path / "run", *shared[1], f"retrain.start_from={start}")
    begun, kept = weights(run, Phase.REPRESENT, start), weights(run, Phase.RETRAIN)
    assert all(torch.equal(value, kept[name]) for name, value in begun.items() if name.startswith("extractor"))
    scores = evaluated(run, "phase=represent", f"checkpoint={start}")
    assert scores["test/bacc"] == run.read_metrics()["represent/test/bacc"]


def test_a_head_that_is_not_reset_goes_on_from_phase_1(tmp_path, shared):
    given = [*shared[1], "retrain.reset_head=false", "retrain.optimizer.lr=1e-12", "resampler=none"]
    run = trained(tmp_path / "run", *given)
    before, after = (run.read_predictions(name).logits for name in ("represent_test", "test"))
    assert np.allclose(before, after, atol=1e-4)
    reset = trained(tmp_path / "reset", *given[:-3], *given[-2:])
    assert not np.allclose(reset.read_predictions("test").logits, before, atol=1e-1)


def logits_of(folder, *overrides):
    run = trained(folder, "epochs=1", "retrain.epochs=1", "retrain.scheduler.warmup_epochs=0", *overrides)
    return run.read_predictions("test").logits


@pytest.mark.parametrize(("method", "same"), [("eos", True), ("retrain", False)])
def test_class_weights_compensate_for_what_reaches_the_loss(tmp_path, method, same):
    """On balanced embeddings inverse weights are all one; where nothing is over-sampled they stay."""
    given = [f"method={method}", "loss.weights=inverse"]
    weighted = logits_of(tmp_path / "weighted", *given)
    plain = logits_of(tmp_path / "plain", *given, "loss@retrain.loss=ce")
    assert np.array_equal(weighted, plain) is same


def test_margins_of_phase_3_come_from_the_counts_asked_for(tmp_path):
    original = logits_of(tmp_path / "original", "loss=ldam", "retrain.counts=original")
    balanced = logits_of(tmp_path / "balanced", "loss=ldam", "retrain.counts=balanced")
    assert not np.array_equal(original, balanced)


# --- evaluation and prediction of a finished run


def test_evaluation_gives_the_scores_of_the_run_again(whole):
    metrics = whole.read_metrics()
    for overrides, prefix in (([], "test/"), (["phase=represent"], "represent/test/")):
        again = evaluated(whole, *overrides)
        expected = {f"test/{k.removeprefix(prefix)}": v for k, v in metrics.items() if k.startswith(prefix)}
        assert again == expected
    assert (whole.path / "eval" / "test_retrain_auto.json").is_file()


def test_prediction_gives_the_softmax_of_the_runs_own_logits(whole, tmp_path):
    from lightning_imb.build import build_datamodule

    data = build_datamodule(whole.read_config())
    data.setup("test")
    names = data.names("test")[:20]
    folder = digit_files(tmp_path / "digits", names)
    table = classified(whole, folder, tmp_path / "p.csv", "batch_size=7")
    logits = torch.from_numpy(whole.read_predictions("test").logits[:20])
    order = sorted(range(20), key=lambda i: names[i])
    assert table["name"].tolist() == [f"{names[i].removeprefix('digits/')}.png" for i in order]
    probabilities = table[[f"p_{k}" for k in range(10)]].to_numpy()
    assert np.allclose(probabilities, logits.softmax(1).numpy()[order], atol=1e-6)
    assert table["class"].tolist() == [str(int(logits[i].argmax())) for i in order]
    packed = write_zip(tmp_path / "digits.zip", folder)
    assert classified(whole, packed, tmp_path / "q.csv")["class"].tolist() == table["class"].tolist()
    with (tmp_path / "p.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    assert [row["name"] for row in written] == table["name"].tolist()
    assert float(written[0]["p_3"]) == pytest.approx(probabilities[0, 3], abs=1e-6)


# --- loggers and safety


def test_a_wandb_run_is_closed_even_when_training_fails(tmp_path, monkeypatch):
    import wandb
    from helpers.runs import composed

    given = ["method=erm", "epochs=1", "logger=wandb", "callbacks=quiet", "logger.wandb.mode=offline"]
    train(composed(*given, f"run_dir={tmp_path / 'good'}"))
    assert wandb.run is None
    assert list((tmp_path / "good" / "wandb").glob("offline-run-*"))
    with pytest.raises(ValueError, match="NaN"):
        train(composed(*given, f"run_dir={tmp_path / 'bad'}", "optimizer.lr=1e30"))
    assert wandb.run is None


def calls():
    """Every call in the package, as (file, dotted name, keywords)."""
    for path in Path(lightning_imb.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield path, ast.unparse(node.func), {k.arg: ast.unparse(k.value) for k in node.keywords}


def test_nothing_that_could_run_code_is_ever_unpickled():
    loads = [(path, name, keywords) for path, name, keywords in calls() if name.split(".")[-1] in ("load", "fit")]
    torch_loads = [keywords for _, name, keywords in loads if name == "torch.load"]
    fits = [keywords for _, name, keywords in loads if name == "trainer.fit"]
    assert torch_loads
    assert fits
    assert all(keywords.get("weights_only") == "True" for keywords in torch_loads + fits)
    assert all("allow_pickle" not in keywords for _, name, keywords in loads if name == "np.load")
    sources = "".join(p.read_text(encoding="utf-8") for p in Path(lightning_imb.__file__).parent.rglob("*.py"))
    assert "import pickle" not in sources
    assert "load_from_checkpoint" not in sources


def test_an_epoch_chosen_on_the_test_set_is_called_that_by_evaluation_too(tmp_path, capsys):
    run = trained(tmp_path / "run", "method=erm", "epochs=2", "protocol=paper")
    evaluated(run, "checkpoint=last")
    assert "TEST" not in capsys.readouterr().out
    evaluated(run, "checkpoint=best")
    assert "paper, best epoch on TEST" in capsys.readouterr().out


@pytest.mark.slow
def test_the_published_subset_of_cifar_10_from_its_zip(tmp_path, real_data):
    data = [f"dataset.root={real_data / 'cifar10.zip'}", "imbalance=exp", "imbalance.selection=ldam_drw"]
    run = trained(
        tmp_path / "run",
        "dataset=image_folder",
        *data,
        "model=small_cnn",
        "batch_size=128",
        "method=retrain",
        "protocol=paper",
        "epochs=1",
        "retrain.epochs=1",
    )
    published = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
    assert run.read_data()["class_counts"] == {"train": published, "test": [1000] * 10}
    assert run.read_metrics()["test/bacc"] > 0.1  # an untrained network guesses one of ten
