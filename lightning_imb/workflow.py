"""A whole training run: check, load, two fits, scores, figures, done marker."""

import logging
import time
from typing import Any

import pytorch_lightning as pl
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only
from rich.console import Console

from lightning_imb.build import (
    build_classifier,
    build_datamodule,
    build_phase_switch,
    build_reweighting,
    create,
)
from lightning_imb.checks import check_config, rehearse
from lightning_imb.data.datamodule import ImbalancedDataModule
from lightning_imb.fit import TwoFits, make_trainer, predict
from lightning_imb.known_keys import check_keys
from lightning_imb.machine import settle_machine, spare_small_maps
from lightning_imb.models.classifier import ImbalancedClassifier
from lightning_imb.records import describe_data, header_info, provenance, score_entries
from lightning_imb.reports.figures import run_figures, save_figures
from lightning_imb.reports.header import run_header
from lightning_imb.reports.tables import run_table
from lightning_imb.reuse import take_over_phase_1
from lightning_imb.runs import RunFolder, changed_keys, first_of, flat_settings
from lightning_imb.tracking.close import close_loggers
from lightning_imb.tracking.figures import log_figures
from lightning_imb.utils.errors import InputError

log = logging.getLogger(__name__)


def train(cfg: DictConfig) -> dict[str, Any]:
    """Train as the config says, or go on where a run in the same folder stopped.

    Args:
        cfg: The composed config of ``conf/train.yaml``.

    Returns:
        What ``metrics.json`` holds.

    Raises:
        InputError: If anything the user gave cannot work; before training where that can be known.
    """
    check_keys(cfg)
    check_config(cfg)
    cfg = cfg.copy()  # which learns below what auto means here
    OmegaConf.set_readonly(cfg, False)
    run = RunFolder.create(cfg.run_dir)
    machine = settle_machine(cfg, run)
    console = Console(quiet=not _first_process())
    if _already_done(cfg, run):
        console.print(f"this run is done already: {run.path}")
        metrics = run.read_metrics()
        console.print(run_table(metrics))
        return metrics
    pl.seed_everything(cfg.seed, workers=True, verbose=False)
    data = build_datamodule(cfg)
    data.setup("fit")
    model = build_classifier(cfg, data.class_counts)
    build_reweighting(cfg, data.class_counts)
    # a mistake in phase 3 must not show after phase 1
    switch = build_phase_switch(cfg, data.class_counts) if cfg.retrain.enabled else None
    rehearse(model, switch, data.image_shape, cfg.batch_size)
    machine = spare_small_maps(cfg, machine, model.extractor_module, data.image_shape)
    make_trainer(cfg.accelerator, run.path, [], [], epochs=1, val_every=1)  # or Lightning refuses it later
    _check_same_data(run, data)
    if cfg.represent_from is not None:
        take_over_phase_1(cfg, run, data.fingerprint)
    run.write_config(cfg)
    run.write_data(describe_data(cfg, data))
    console.print(run_header(header_info(cfg, run, data, model) | machine.lines))
    if cfg.log_per_class == "auto" and not model.log_per_class:
        log.info(
            "recall per class is in metrics.json only: %d classes are too many to log each epoch; "
            "log_per_class=true does it",
            len(data.class_names),
        )
    metrics = _train_with_loggers(cfg, run, data, model)
    console.print(run_table(metrics))
    console.print(f"run folder  {run.path}\nfigures     {run.figures}", soft_wrap=True)
    return metrics


def _first_process() -> bool:
    """Whether this is the process that speaks; under DDP the others come when it has begun the run folder."""
    return getattr(rank_zero_only, "rank", 0) == 0  # an attribute Lightning hangs on the function


def _already_done(cfg: DictConfig, run: RunFolder) -> bool:
    """Whether the folder holds this very run, finished; refuses a folder that holds another one."""
    if not run.config_file.is_file():
        return False
    if cfg.resume == "never" and _first_process():  # the others find what rank 0 has just written
        raise InputError(f"{run.path} holds a run already: choose another hydra.run.dir, or resume=auto to go on")
    changed = changed_keys(run.read_config(), cfg)
    if changed:
        raise InputError(
            f"{run.path} holds a run with other settings ({first_of(changed)}): choose another hydra.run.dir"
        )
    return run.finished


def _check_same_data(run: RunFolder, data: ImbalancedDataModule) -> None:
    """Refuse to go on with other images than the run began with."""
    if run.data_file.is_file() and run.read_data()["fingerprint"] != data.fingerprint:
        raise InputError(
            f"the data are not those that the run in {run.path} began with (other files, labels or sizes): "
            "restore them, or choose another hydra.run.dir"
        )


def _train_with_loggers(
    cfg: DictConfig, run: RunFolder, data: ImbalancedDataModule, model: ImbalancedClassifier
) -> dict[str, Any]:
    loggers: list[Logger] = [create(node, f"logger.{name}") for name, node in cfg.logger.items()]
    status = "failed"
    try:
        for logger in loggers:
            logger.log_hyperparams(flat_settings(cfg))
        metrics = _fit_and_score(cfg, run, data, model, loggers)
        figures = run_figures(run)
        save_figures(run, figures)
        log_figures(loggers, {f"figures/{name}": figure for name, figure in figures.items()}, step=0)
        status = "success"
    finally:
        close_loggers(loggers, status)  # type: ignore[arg-type]
    run.write_metrics(metrics)
    return metrics


def _fit_and_score(
    cfg: DictConfig,
    run: RunFolder,
    data: ImbalancedDataModule,
    model: ImbalancedClassifier,
    loggers: list[Logger],
) -> dict[str, Any]:
    start = time.perf_counter()
    fits = TwoFits(cfg, run, data, loggers)
    trainer = fits.represent(model)
    result: dict[str, Any] = {}
    if cfg.retrain.enabled:
        before = predict(trainer, model, data, "test", "represent/test")
        run.write_predictions("represent_test", *before)
        result |= score_entries("represent/test", before, data)
        trainer, switch = fits.retrain(model)
        result["resampler_report"] = getattr(switch.resampler, "report_", None)
    after = predict(trainer, model, data, "test", "test")
    run.write_predictions("test", *after)
    result |= score_entries("test", after, data)
    # of this launch: a run that was resumed has trained longer than that
    result["wall_s"] = round(time.perf_counter() - start, 2)
    return result | provenance(cfg, data, model)
