"""Whole runs: what they leave behind, that they repeat, and agree with evaluation and prediction."""

import ast
import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.images import write_zip
from helpers.runs import classified, config, digit_files, evaluated, trained, weights
from helpers.same_runs import THREE, assert_same_run, uninterrupted
from pytorch_lightning import Trainer

import lightning_imb
from lightning_imb.build import build_datamodule
from lightning_imb.phases import Phase
from lightning_imb.workflow import train


@pytest.fixture(scope="module", autouse=True)
def no_figures():
    """They are looked at here."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Three phases, never interrupted, with figures."""
    return trained(tmp_path_factory.mktemp("whole") / "run", *THREE)


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
    assert_same_run(whole, uninterrupted(tmp_path / "again"))
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


# --- evaluation and prediction of a finished run


def test_evaluation_gives_the_scores_of_the_run_again(whole):
    metrics = whole.read_metrics()
    for overrides, prefix in (([], "test/"), (["phase=represent"], "represent/test/")):
        again = evaluated(whole, *overrides)
        expected = {f"test/{k.removeprefix(prefix)}": v for k, v in metrics.items() if k.startswith(prefix)}
        assert again == expected
    assert (whole.path / "eval" / "test_retrain_auto.json").is_file()


def test_prediction_gives_the_softmax_of_the_runs_own_logits(whole, tmp_path):
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


# --- safety


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
