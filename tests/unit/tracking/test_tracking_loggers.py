"""MLflow, TensorBoard, figures for all of them, and closing."""

import logging
from pathlib import Path

import numpy as np
import pytest
import pytorch_lightning as pl
import yaml
from hydra import compose, initialize_config_module
from hydra.utils import instantiate
from matplotlib.figure import Figure
from omegaconf import OmegaConf
from pytorch_lightning.loggers import Logger, TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lightning_imb.tracking import mlflow as tracking_mlflow
from lightning_imb.tracking.close import close_loggers
from lightning_imb.tracking.csv_logger import CsvLogger
from lightning_imb.tracking.figures import figure_to_rgb, log_figures
from lightning_imb.tracking.mlflow import mlflow_logger
from lightning_imb.utils.errors import InputError


def red_figure():
    return Figure(figsize=(2, 1), dpi=50, facecolor=(1.0, 0.0, 0.0))


@pytest.fixture
def no_reports_home(monkeypatch):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("DO_NOT_TRACK", "true")


def test_mlflow_round_trip_through_sqlite(tmp_path, monkeypatch, no_reports_home):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    database = tmp_path / "logs" / "mlflow.db"
    logger = mlflow_logger(database, experiment_name="eos", run_name="eos-seed0")
    logger.log_hyperparams({"imbalance": {"ratio": 100}})
    logger.log_metrics({"test/bacc": 0.8125}, step=7)
    log_figures([logger], {"figures/red": red_figure()}, step=7)
    close_loggers([logger], "failed")

    client = mlflow.tracking.MlflowClient(f"sqlite:///{database}")
    experiment = client.get_experiment_by_name("eos")
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.run_name, run.info.status) == ("eos-seed0", "FAILED")
    assert run.data.params == {"imbalance/ratio": "100"}
    assert [(m.value, m.step) for m in client.get_metric_history(run.info.run_id, "test/bacc")] == [(0.8125, 7)]
    assert [a.path for a in client.list_artifacts(run.info.run_id, "figures")] == ["figures/red.png"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["logs"]  # nothing in the working directory


def test_missing_mlflow_names_the_cure(tmp_path, monkeypatch):
    monkeypatch.setattr(tracking_mlflow, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install -e '\.\[mlflow\]'"):
        mlflow_logger(tmp_path / "x.db", "a", "b")
    assert not (tmp_path / "x.db").exists()


def test_tensorboard_holds_metrics_and_figures(tmp_path):
    logger = TensorBoardLogger(tmp_path, name="", version="tensorboard")
    logger.log_metrics({"test/bacc": 0.8125}, step=7)
    logger.finalize("success")  # end of the first fit; the second one goes on
    logger.log_metrics({"retrain/test/bacc": 0.875}, step=2)
    log_figures([logger], {"figures/red": red_figure()}, step=9)
    close_loggers([logger], "success")
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(e.step, e.value) for e in events.Scalars("test/bacc")] == [(7, 0.8125)]
    assert [(e.step, e.value) for e in events.Scalars("retrain/test/bacc")] == [(2, 0.875)]
    (image,) = events.Images("figures/red")
    assert (image.step, image.width, image.height) == (9, 100, 50)


def test_csv_passes_figures_over(tmp_path):
    log_figures([CsvLogger(tmp_path)], {"figures/red": red_figure()}, step=0)
    assert list(tmp_path.iterdir()) == []


def test_figure_to_rgb_draws_the_figure():
    image = figure_to_rgb(red_figure())
    assert (image.shape, image.dtype) == ((50, 100, 3), np.uint8)
    assert (image == [255, 0, 0]).all()


class Broken(CsvLogger):
    def finalize(self, status):
        raise OSError("disk full")


def test_a_logger_that_cannot_be_closed_stops_nobody(tmp_path, caplog):
    last = CsvLogger(tmp_path)
    last.log_metrics({"epoch": 0, "x": 1.0}, step=0)
    with caplog.at_level(logging.WARNING, logger="lightning_imb.tracking.close"):
        close_loggers([Broken(tmp_path), last], "failed")
    assert last.path.is_file()
    assert "Broken could not be closed" in caplog.text
    assert "disk full" in caplog.text


NAMES = {
    "none": [],
    "csv": ["csv"],
    "tensorboard": ["tensorboard"],
    "wandb": ["wandb"],
    "mlflow": ["mlflow"],
    "default": ["csv", "tensorboard"],
    "many": ["csv", "tensorboard", "wandb", "mlflow"],
}


@pytest.mark.parametrize("option", NAMES)
def test_every_option_of_the_group_makes_its_loggers(tmp_path, monkeypatch, no_reports_home, option):
    if option in ("mlflow", "many"):
        pytest.importorskip("mlflow")
    monkeypatch.setenv("WANDB_MODE", "offline")
    with initialize_config_module("lightning_imb.conf", version_base="1.3"):
        group = compose(f"logger/{option}").get("logger", {})
    root = {
        "run_dir": str(tmp_path),
        "paths": {"logs": str(tmp_path)},
        "method": "eos",
        "seed": 3,
        "logger": group,
    }
    loggers = instantiate(OmegaConf.create(root).logger, _convert_="all")
    assert list(loggers) == NAMES[option]
    assert all(isinstance(logger, Logger) for logger in loggers.values())
    if "tensorboard" in loggers:
        assert Path(loggers["tensorboard"].log_dir) == tmp_path / "tensorboard"
    if "csv" in loggers:
        assert loggers["csv"].path == tmp_path / "csv" / "metrics.csv"
    pl.Trainer(logger=list(loggers.values()), accelerator="cpu", enable_model_summary=False)  # accepts them


def test_every_option_says_what_it_is():
    import lightning_imb.conf

    folder = Path(lightning_imb.conf.__path__[0]) / "logger"
    files = sorted(folder.glob("*.yaml"))
    assert {f.stem for f in files} == set(NAMES)
    for file in files:
        assert file.read_text().startswith("# ")
        assert isinstance(yaml.safe_load(file.read_text()), dict)
