"""Runs that learn numbers, from the command line's config to what is left on disk."""

import logging

import numpy as np
import pandas as pd
import pytest
import torch
from helpers import numbers
from helpers.images import write_image
from helpers.runs import assert_refused, classified, composed, config, evaluated, trained, weights

from lightning_imb.inspection import inspect_runs
from lightning_imb.networks import build_network
from lightning_imb.phases import Phase
from lightning_imb.task_checks import check_regression
from lightning_imb.workflow import train

TINY = ["dataset=sigma", "dataset.train_size=200", "dataset.val_size=50", "dataset.test_size=60", "epochs=2"]
ERRORS = ("mse", "mae", "rmse", "gm", "mse_balanced", "mae_balanced")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("regression") / "run"
    return trained(folder, *TINY, "method=reg_eos", "imbalance=normal", "retrain.epochs=2", "logger=csv")


def test_predictions_on_disk_are_those_of_the_scores(run):
    metrics, predictions = run.read_metrics(), run.read_predictions("test")
    assert predictions.logits.shape == (60, 1)
    assert predictions.targets.dtype == np.float32
    errors = predictions.logits[:, 0] - predictions.targets
    assert metrics["test/mse"] == pytest.approx(float((errors**2).mean()), rel=1e-5)
    assert metrics["test/mae"] == pytest.approx(float(np.abs(errors).mean()), rel=1e-5)
    before = run.read_predictions("represent_test")
    assert metrics["represent/test/mse"] == pytest.approx(float(((before.logits[:, 0] - before.targets) ** 2).mean()))


def test_the_run_tells_what_its_numbers_are(run):
    metrics, data = run.read_metrics(), run.read_data()
    assert metrics["task"] == data["task"] == "regression"
    assert (metrics["target"], metrics["imbalance"]) == ("sigma", "normal")
    assert metrics["bin_edges"] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
    assert sum(metrics["class_counts"]["train"]) == 200
    assert 0 < metrics["test/baseline/noise_floor_mse"] < metrics["test/baseline/optimal_mse"]
    assert len(metrics["test/bin_mse"]) == 9
    assert {row["bin"] for row in metrics["resampler_report"]} <= set(metrics["class_names"])


def test_curves_are_of_errors(run):
    table = pd.read_csv(run.metrics_csv)
    assert {"train/mse", "val/mse", "val/mae", "retrain/train/mse", "retrain/val/mse"} <= set(table.columns)


def test_the_best_epoch_has_the_least_error(tmp_path):
    run = trained(tmp_path, *TINY, "method=reg_mse", "epochs=4", "optimizer.lr=0.01", "logger=csv")
    errors = pd.read_csv(run.metrics_csv)["val/mse"].dropna()
    kept = torch.load(run.checkpoint(Phase.REPRESENT, "best"), weights_only=True)
    assert kept["epoch"] == int(np.argmin(errors.to_numpy()))
    assert run.read_metrics()["val/mse"] == pytest.approx(errors.min(), rel=1e-4)


@pytest.mark.parametrize("phase", ["represent", "retrain"])
def test_imb_eval_gives_the_scores_of_the_run(run, phase):
    prefix = "represent/" if phase == "represent" else ""
    metrics, found = run.read_metrics(), evaluated(run, f"phase={phase}")
    for name in ERRORS:
        assert found[f"test/{name}"] == pytest.approx(metrics[f"{prefix}test/{name}"], rel=1e-5), name


def test_imb_eval_adjusts_a_finished_regression(run):
    found = evaluated(run, "posthoc=rebagg")
    assert found["posthoc_report"]["posthoc"] == "rebagg"
    assert found["test/mse"] != run.read_metrics()["test/mse"]
    as_trained = evaluated(run, "posthoc=none")
    assert as_trained["test/mse"] == pytest.approx(run.read_metrics()["test/mse"], rel=1e-5)
    assert_refused(lambda: evaluated(run, "posthoc=tau_norm"), "tau_norm", "rebagg")


def test_a_posthoc_head_is_put_back_with_its_run(tmp_path):
    run = trained(tmp_path, *TINY, "method=reg_rebagg", "imbalance=normal")
    metrics = run.read_metrics()
    assert metrics["posthoc_report"]["posthoc"] == "rebagg"
    assert metrics["before_posthoc/test/mse"] != metrics["test/mse"]
    assert evaluated(run)["test/mse"] == pytest.approx(metrics["test/mse"], rel=1e-5)


@pytest.mark.parametrize("method", ["reg_gai", "reg_lds_fds"])
def test_an_interrupted_run_goes_on_as_if_it_had_not_been(tmp_path, method):
    """What the loss learnt and the statistics of the features come along."""
    settings = [*TINY, f"method={method}", "imbalance=normal", "epochs=3"]
    whole = trained(tmp_path / "whole", *settings)

    class StopError(Exception):
        pass

    cfg = config(tmp_path / "cut", *settings)
    with pytest.MonkeyPatch.context() as patch:
        from lightning_imb.models.regressor import ImbalancedRegressor

        began = ImbalancedRegressor.on_train_epoch_start

        def stop(self):
            if self.current_epoch == 2:
                raise StopError
            began(self)

        patch.setattr(ImbalancedRegressor, "on_train_epoch_start", stop)
        with pytest.raises(StopError):
            train(cfg)
    cut = trained(tmp_path / "cut", *settings)
    for name, value in weights(whole, Phase.REPRESENT).items():
        assert torch.equal(value, weights(cut, Phase.REPRESENT)[name]), name
    assert cut.read_metrics()["test/mse"] == whole.read_metrics()["test/mse"]


def test_methods_that_differ_in_phase_3_share_phase_1(tmp_path):
    folder = f"paths.store={tmp_path / 'store'}"
    for method in ("reg_retrain", "reg_random", "reg_rebagg"):
        trained(
            tmp_path / method, *TINY, f"method={method}", "imbalance=normal", "store=on", folder, "retrain.epochs=1"
        )
    assert len(list((tmp_path / "store").rglob("last.ckpt"))) == 1


def write_photos(folder, values):
    for i, value in enumerate(values):
        write_image(folder / f"{i:03d}.png", np.full((8, 8), int(value), dtype=np.uint8))


def photos(tmp_path, values, *, root="photos"):
    write_photos(tmp_path / root, values)
    rows = [f"{i:03d}.png,{value}" for i, value in enumerate(values)]
    (tmp_path / "ages.csv").write_text("path,age\n" + "\n".join(rows) + "\n")
    return [
        *("dataset=csv", "dataset.task=regression", "dataset.target=age"),
        *("dataset.label_column=age", "dataset.bins=4", "dataset.image_size=8", "dataset.channels=1"),
        *(f"dataset.root={tmp_path / root}", f"dataset.csv={tmp_path / 'ages.csv'}"),
        *("model=small_cnn", "model.extractor.width=4", "optimizer=adam", "scheduler=constant", "epochs=1"),
        *("method=reg_mse", "batch_size=16"),
    ]


def test_images_of_ones_own_with_numbers_for_labels(tmp_path):
    values = np.random.default_rng(0).integers(0, 200, 60) + 0.5
    run = trained(tmp_path / "run", *photos(tmp_path, values))
    metrics = run.read_metrics()
    assert metrics["target"] == "age"
    assert sum(sum(counts) for counts in metrics["class_counts"].values()) == 60
    write_photos(tmp_path / "new", [10, 100])
    table = classified(run, tmp_path / "new", tmp_path / "out.csv")
    assert list(table.columns) == ["name", "age"]
    assert np.isfinite(table["age"]).all()


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        (["old"] * 20, ["old"]),
        ([1.5] * 19 + ["nan"], ["nan"]),
        ([1.5] * 19 + ["inf"], ["inf"]),
        ([1.5] * 20, ["1.5"]),
    ],
    ids=["words", "nan", "infinite", "one value"],
)
def test_targets_that_are_no_numbers_to_learn_are_refused(tmp_path, values, parts):
    write_photos(tmp_path / "photos", [1] * len(values))
    overrides = photos(tmp_path, [1] * len(values))
    rows = [f"{i:03d}.png,{value}" for i, value in enumerate(values)]
    (tmp_path / "ages.csv").write_text("path,age\n" + "\n".join(rows) + "\n")
    assert_refused(lambda: train(config(tmp_path / "run", *overrides)), *parts)


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        (["method=eos"], ["CrossEntropyLoss", "loss=mse", "reg_"]),
        (["method=reg_mse", "loss=ce"], ["CrossEntropyLoss", "numbers", "loss=mse"]),
        (["method=reg_mse", "retrain=head", "resampler=smote"], ["resampler=ClassWise", "reg_random"]),
        (["method=reg_mse", "posthoc=tau_norm"], ["tau_norm", "rebagg"]),
        (["method=reg_bmc", "target_weights=lds"], ["BMCLoss", "target_weights=none"]),
        (["method=reg_bmc", "batch_size=1"], ["batch_size=1", "at least 2"]),
        (["method=reg_eos", "loss@retrain.loss=bmc", "retrain.batch_size=1"], ["retrain.batch_size=1", "at least 2"]),
        (["method=reg_mse", "dataset.task=classification", "imbalance=exp", "loss=ce"], ["dataset.task", "numbers"]),
        (["method=reg_mse", "imbalance=missing", "dataset.laws.seen=[11,12]"], ["beyond", "dataset.bins"]),
        (["method=reg_mse", "dataset.in_memory=false"], ["dataset.in_memory=true"]),
        (["method=reg_mse", "retrain=crt"], ["retrain.loss=CrossEntropyLoss", "loss@retrain.loss=mse"]),
        (["method=reg_fds", "smoothing.start_epoch=9", "epochs=9"], ["smoothing.start_epoch=9", "never reached"]),
        (["method=reg_mse", "dataset.image_size=8"], ["8 x 8", "dataset.image_size"]),
        (["method=reg_mse", "dataset.bins=[3,2]"], ["dataset.bins=[3, 2]"]),
        (["method=reg_mse", "imbalance=density", "imbalance.law.at=[1,2]", "imbalance.law.density=[0,0]"], ["mass"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_what_cannot_work_is_said_before_training(tmp_path, overrides, parts):
    assert_refused(lambda: train(config(tmp_path / "run", *TINY, *overrides)), *parts)
    assert not (tmp_path / "run/checkpoints").exists()


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        (["loss=mse"], ["loss=MSELoss", "classes"]),
        (["posthoc=rebagg"], ["rebagg"]),
        (["retrain=head", "resampler=reg_random"], ["resampler=RandomByBin", "resampler=eos"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_classes_refuse_what_is_made_for_numbers(tmp_path, overrides, parts):
    assert_refused(lambda: train(config(tmp_path / "run", "method=erm", *overrides)), *parts)


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (["method=reg_bni"], "BNILoss"),
        (["method=reg_mse", "target_weights=lds"], "target_weights.base=inverse_sqrt"),
    ],
    ids=["prior", "weights"],
)
def test_a_sampler_beside_another_compensation_is_warned_of(caplog, overrides, named):
    cfg = composed(*TINY, "sampler=class_balanced", *overrides)
    model = build_network(cfg, numbers.sample())
    with caplog.at_level(logging.WARNING):
        check_regression(model, None, cfg)
    [warning] = [record.getMessage() for record in caplog.records]
    assert "sampler.kind=class_balanced" in warning
    assert named in warning


def test_analyses_of_classifiers_refuse_a_regression(run):
    cfg = composed(f"run={run.path}", "analyses=[gap]", config="analyze")
    assert_refused(lambda: inspect_runs(cfg), "regression", "imb-report")


def test_image_files_are_no_input_of_a_run_on_arrays_of_numbers(run, tmp_path):
    write_photos(tmp_path / "new", [10])
    assert_refused(lambda: classified(run, tmp_path / "new", tmp_path / "out.csv"), "real numbers")
