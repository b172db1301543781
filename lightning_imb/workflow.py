"""A whole training run: check, load, two fits, scores, figures, done marker."""

import copy
import logging
from typing import Any

import pytorch_lightning as pl
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.loggers import Logger
from rich.console import Console
from torch import nn

from lightning_imb.adjust import build_posthoc, check_posthoc
from lightning_imb.build import build_datamodule, build_reweighting, create, second_stream
from lightning_imb.checks import check_combination, check_config, rehearse
from lightning_imb.data.datamodule import ImbalancedDataModule
from lightning_imb.data.sampling import expected_counts
from lightning_imb.fit import TwoFits, make_trainer
from lightning_imb.known_keys import check_keys
from lightning_imb.launches import note_launch
from lightning_imb.losses import ClassCountLoss
from lightning_imb.machine import in_sweep, settle_machine, several_processes, spare_small_maps
from lightning_imb.models.classifier import ImbalancedClassifier
from lightning_imb.models.phased import PhasedModule
from lightning_imb.models.regressor import ImbalancedRegressor
from lightning_imb.models.retraining import dress
from lightning_imb.networks import build_network
from lightning_imb.phase_3 import Phase3, build_phase_3, check_retraining, counts_of_phase_3
from lightning_imb.phases import Phase
from lightning_imb.records import describe_data, header_info, provenance
from lightning_imb.reports.figures import run_figures, save_figures
from lightning_imb.reports.header import run_header
from lightning_imb.reports.tables import run_table
from lightning_imb.reuse import copy_phase_1, phase_1_to_take_over
from lightning_imb.runs import RunFolder
from lightning_imb.scoring import Scoring
from lightning_imb.settings import changed_keys, config_hash, first_of, flat_settings
from lightning_imb.store import StoredPhase1, phase_1_identity, wants_store
from lightning_imb.task import known_targets
from lightning_imb.task_checks import check_regression, check_targets, check_task
from lightning_imb.tracking.close import close_loggers
from lightning_imb.tracking.figures import log_figures
from lightning_imb.utils.environment import first_process
from lightning_imb.utils.errors import InputError

log = logging.getLogger(__name__)

_TOO_MANY_TO_LOG = (
    "recall per class is in metrics.json only: %d classes are too many to log each epoch; log_per_class=true does it"
)


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
    check_task(cfg)
    check_config(cfg)
    check_retraining(cfg)
    wants_store(cfg.store)
    cfg = cfg.copy()  # which learns below what auto means here
    OmegaConf.set_readonly(cfg, False)
    run = RunFolder.create(cfg.run_dir)
    if not first_process():
        logging.getLogger(__package__).setLevel(logging.WARNING)  # the first one says the same
    with run.claimed():
        return _train(cfg, run)


def _train(cfg: DictConfig, run: RunFolder) -> dict[str, Any]:
    asked = cfg.copy()
    machine = settle_machine(cfg, run)
    console = Console(quiet=not first_process())
    changed = _changed(cfg, run)
    if changed:
        _supersede(run, changed)
        cfg = asked
        machine = settle_machine(cfg, run)  # anew: what auto meant for the other run says nothing about this one
    elif run.finished:
        return _skip(run, console)
    pl.seed_everything(cfg.seed, workers=True, verbose=False)
    data = build_datamodule(cfg)
    data.setup("fit")
    check_targets(cfg, data)
    known = known_targets(data)
    model = build_network(cfg, known, real_counts=data.real_counts)
    # a mistake in phase 3 must not show after phase 1
    phase_3 = build_phase_3(cfg, known) if cfg.retrain.enabled else None
    _check_parts(cfg, model, phase_3, data)
    if isinstance(model, ImbalancedClassifier):
        data.second = second_stream(model)
    machine = spare_small_maps(cfg, machine, model.extractor_module, data.image_shape)
    make_trainer(cfg.accelerator, run.path, [], [], epochs=1, val_every=1)  # or Lightning refuses it later
    _check_same_data(run, data)
    source = None if cfg.represent_from is None else phase_1_to_take_over(cfg, run, data.fingerprint)
    run.write_config(cfg)
    run.write_data(describe_data(cfg, data))
    if source is not None:  # only now that the folder tells what it holds
        copy_phase_1(source, run)
    console.print(run_header(header_info(cfg, run, data, model) | machine.lines))
    if cfg.log_per_class == "auto" and isinstance(model, ImbalancedClassifier) and not model.log_per_class:
        log.info(_TOO_MANY_TO_LOG, len(data.class_names))
    metrics = _train_with_loggers(cfg, run, data, model)
    console.print(run_table(metrics))
    console.print(f"run folder  {run.path}\nfigures     {run.figures}", soft_wrap=True)
    return metrics


def _check_parts(cfg: DictConfig, model: PhasedModule, phase_3: Phase3 | None, data: ImbalancedDataModule) -> None:
    """Check what the parts of a training ask of each other, and try them."""
    retraining = None if phase_3 is None else phase_3.settings
    if isinstance(model, ImbalancedRegressor):
        check_regression(model, retraining, cfg)
    elif isinstance(model, ImbalancedClassifier):
        build_reweighting(cfg, data.class_counts)
        check_combination(model, cfg)
    check_posthoc(build_posthoc(cfg.posthoc), *_last_head(cfg, model, phase_3, data), data)
    rehearse(model, retraining, data.image_shape, cfg.batch_size, cfg.epochs)


def _last_head(
    cfg: DictConfig, model: PhasedModule, phase_3: Phase3 | None, data: ImbalancedDataModule
) -> tuple[nn.Module, ClassCountLoss | None, list[int]]:
    """A head as the last phase leaves it, with any weights; the loss of that phase, and what reaches it at its end.

    Of a regressor they are those of now: nothing is read of them.
    """
    if not isinstance(model, ImbalancedClassifier):
        return model.head, None, model.reached
    if phase_3 is None:
        drawn = expected_counts(data.draw, data.target("train"), len(model.class_counts), cfg.epochs - 1)
        return model.head, model.loss, drawn
    settings, counts = phase_3.settings, counts_of_phase_3(phase_3, data, cfg.retrain.epochs)
    loss = copy.deepcopy(settings.loss)
    loss.weigh_for(counts)
    return dress(copy.deepcopy(model.head), settings.trains, len(model.class_counts)), loss, counts


def _skip(run: RunFolder, console: Console) -> dict[str, Any]:
    """Show what a run that is done already found."""
    note_launch(run.path, skipped=True)
    console.print(f"this run is done already: {run.path}")
    metrics = run.read_metrics()
    console.print(run_table(metrics))
    return metrics


def _changed(cfg: DictConfig, run: RunFolder) -> list[str]:
    """Settings in which the run in this folder, if there is one, differs from the one that is asked for.

    Raises:
        InputError: If the user wants no run to go on.
    """
    if not run.config_file.is_file():
        return []
    if cfg.resume == "never" and first_process():  # the others find what rank 0 has just written
        raise InputError(f"{run.path} holds a run already: choose another hydra.run.dir, or resume=auto to go on")
    changed = changed_keys(run.read_config(), cfg)
    if not changed and run.finished and run.read_metrics().get("config_hash") != config_hash(cfg):
        return ["config_hash in metrics.json"]
    return changed


def _supersede(run: RunFolder, changed: list[str]) -> None:
    """Clear a folder of a sweep for a run with other settings.

    Raises:
        InputError: If it is the folder of a single run.
    """
    if not in_sweep():
        raise InputError(
            f"{run.path} holds a run with other settings ({first_of(changed)}): choose another hydra.run.dir"
        )
    earlier = run.supersede()
    note_launch(run.path, superseded=earlier.name)
    log.warning("other settings than before (%s): training anew, the earlier run is in %s", first_of(changed), earlier)


def _check_same_data(run: RunFolder, data: ImbalancedDataModule) -> None:
    """Refuse to go on with other images than the run began with."""
    if run.data_file.is_file() and run.read_data()["fingerprint"] != data.fingerprint:
        raise InputError(
            f"the data are not those that the run in {run.path} began with (other files, labels or sizes): "
            "restore them, or choose another hydra.run.dir"
        )


def _train_with_loggers(
    cfg: DictConfig, run: RunFolder, data: ImbalancedDataModule, model: PhasedModule
) -> dict[str, Any]:
    loggers: list[Logger] = [create(node, f"logger.{name}") for name, node in cfg.logger.items()]
    status = "failed"
    try:
        for logger in loggers:
            logger.log_hyperparams(flat_settings(cfg))
        metrics = _fit_and_score(cfg, run, data, model, loggers)
        if first_process():
            figures = run_figures(run, metrics)
            save_figures(run, figures)
            log_figures(loggers, {f"figures/{name}": figure for name, figure in figures.items()}, step=0)
        status = "success"
    finally:
        close_loggers(loggers, status)  # type: ignore[arg-type]
    if first_process():  # the others know the same scores, but not what the over-sampler and the user did
        run.write_metrics(metrics)
    return metrics


def _fit_and_score(
    cfg: DictConfig,
    run: RunFolder,
    data: ImbalancedDataModule,
    model: PhasedModule,
    loggers: list[Logger],
) -> dict[str, Any]:
    stored = _stored_phase_1(cfg, data)
    fits = TwoFits(cfg, run, data, loggers, None if stored is None else stored.embeddings)
    trainer = _represent(fits, model, stored)
    result: dict[str, Any] = {}
    if data.oversample_report is not None:
        result["oversample_report"] = data.oversample_report
    scoring = Scoring(cfg, run, data, model)
    if cfg.retrain.enabled:
        result |= scoring.phase_1(trainer)
        trainer, phase_3 = fits.retrain(model)
        result["resampler_report"] = phase_3.report
    origin = provenance(cfg, data, model)  # of the network as trained: a post-hoc head may have no parameters
    return result | scoring.final(trainer) | origin


def _stored_phase_1(cfg: DictConfig, data: ImbalancedDataModule) -> StoredPhase1 | None:
    """Where the store has, or will have, the phase 1 of this run; None for a run that does without a store."""
    if not wants_store(cfg.store) or cfg.represent_from is not None:
        return None
    if several_processes(cfg.accelerator):
        log.info("a run of several processes trains its own phase 1: the store is for runs of one")
        return None
    return StoredPhase1(cfg.paths.store, phase_1_identity(cfg, data.fingerprint, data.content_stamp))


def _represent(fits: TwoFits, model: PhasedModule, stored: StoredPhase1 | None) -> pl.Trainer:
    """Phase 1: out of the store, or trained here and put into it."""
    run = fits.run
    if run.has_begun(Phase.RETRAIN):
        return fits.represent(model)
    if stored is None:
        _note_phase_1(run, "run" if fits.cfg.represent_from is not None else None)
        return fits.represent(model)
    with stored.claimed(run) as taken:
        _note_phase_1(run, "store" if taken else None, stored.key)
        trainer = fits.represent(model)
        if not taken:
            stored.publish(run)
    return trainer


def _note_phase_1(run: RunFolder, source: str | None, key: str | None = None) -> None:
    """Record where phase 1 comes from: the store, another run, a checkpoint to go on from, or nowhere yet."""
    source = source or ("resumed" if run.has_begun(Phase.REPRESENT) else "trained")
    note_launch(run.path, phase_1=source, phase_1_key=key)
