"""What options of a run promise: protocols, kinds of images, imbalances, weights, and where phase 3 starts."""

import csv

import numpy as np
import pytest
import torch
import wandb
from helpers.images import pixels, write_csv, write_image, write_zip
from helpers.runs import coloured_classes, composed, evaluated, own_images, trained, weights

from lightning_imb.phases import Phase
from lightning_imb.reports.figures import run_figures
from lightning_imb.workflow import train

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


def test_an_epoch_chosen_on_the_test_set_is_called_that_by_evaluation_too(tmp_path, capsys):
    run = trained(tmp_path / "run", "method=erm", "epochs=2", "protocol=paper")
    evaluated(run, "checkpoint=last")
    assert "TEST" not in capsys.readouterr().out
    evaluated(run, "checkpoint=best")
    assert "paper, best epoch on TEST" in capsys.readouterr().out


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


def test_a_wandb_run_is_closed_even_when_training_fails(tmp_path, monkeypatch):
    given = ["method=erm", "epochs=1", "logger=wandb", "callbacks=quiet", "logger.wandb.mode=offline"]
    train(composed(*given, f"run_dir={tmp_path / 'good'}"))
    assert wandb.run is None
    assert list((tmp_path / "good" / "wandb").glob("offline-run-*"))
    with pytest.raises(ValueError, match="NaN"):
        train(composed(*given, f"run_dir={tmp_path / 'bad'}", "optimizer.lr=1e30"))
    assert wandb.run is None


@pytest.mark.slow
def test_the_published_subset_of_cifar_10_from_its_zip(tmp_path, real_data):
    data = [f"dataset.root={real_data / 'cifar10.zip'}", "imbalance=exp", "imbalance.selection=ldam_drw"]
    run = trained(
        tmp_path / "run",
        "dataset=image_folder",
        *data,
        "model=small_cnn",
        "model.extractor.width=4",
        "batch_size=128",
        "method=retrain",
        "protocol=paper",
        "epochs=1",
        "retrain.epochs=1",
    )
    published = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
    assert run.read_data()["class_counts"] == {"train": published, "test": [1000] * 10}
    assert run.read_metrics()["test/bacc"] > 0.1  # an untrained network guesses one of ten
