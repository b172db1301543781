"""The two fits of a run: trainers, checkpoints, resume."""

import logging
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.loggers import Logger

from lightning_imb.build import build_reweighting, checkpoint_kind, memory_layout, monitored_split
from lightning_imb.callbacks.batch_seed import BatchSeed
from lightning_imb.callbacks.checkpoint_io import AtomicCheckpointIO
from lightning_imb.callbacks.checkpoints import BestCheckpoint, LastCheckpoint
from lightning_imb.callbacks.end_together import EndTogether
from lightning_imb.callbacks.interrupt import Interrupt, told_to_end
from lightning_imb.callbacks.nan_guard import NanGuard
from lightning_imb.callbacks.predictions import CollectPredictions
from lightning_imb.callbacks.progress import PhaseProgress
from lightning_imb.callbacks.reached import DrawnCounts
from lightning_imb.callbacks.smoothing import SmoothFeatures
from lightning_imb.checks import diagnostics_of
from lightning_imb.data.datamodule import ImbalancedDataModule
from lightning_imb.data.kept_embeddings import KeptEmbeddings
from lightning_imb.models.compiled import compile_mode, try_compile
from lightning_imb.models.phased import REACHED, PhasedModule
from lightning_imb.networks import set_schedules
from lightning_imb.phase_3 import Phase3, build_phase_3
from lightning_imb.phases import Phase
from lightning_imb.runs import CheckpointKind, Predictions, RunFolder
from lightning_imb.task import is_regression, known_targets, monitored_score
from lightning_imb.tracking.csv_logger import CsvLogger
from lightning_imb.utils.direction import lower_is_better
from lightning_imb.utils.errors import InputError, one_line

log = logging.getLogger(__name__)


class TwoFits:
    """Phase 1 as one fit, phases 2 and 3 as a second fit with a trainer of its own.

    Either fit goes on from its ``last.ckpt`` when there is one; ``checkpoints/retrain/last.ckpt`` means that
    phase 1 is over.

    Args:
        cfg: The composed training config.
        run: Where checkpoints go.
        data: The data module, set up.
        loggers: Where metrics go.
        kept: Embeddings by the extractor of phase 1 that other runs left, and where this one leaves its own.
    """

    def __init__(
        self,
        cfg: DictConfig,
        run: RunFolder,
        data: ImbalancedDataModule,
        loggers: list[Logger],
        kept: KeptEmbeddings | None = None,
    ) -> None:
        self.cfg = cfg
        self.run = run
        self.data = data
        self.loggers = loggers
        self.kept = kept

    def represent(self, model: PhasedModule) -> Trainer:
        """Phase 1: extractor and head on the imbalanced images. Leaves the protocol's choice in ``model``."""
        callbacks = [*self._for_task(), DrawnCounts()]
        trainer = self._trainer(Phase.REPRESENT, self.cfg.epochs, callbacks, self.cfg.val_every)
        if not (self.cfg.retrain.enabled and self.run.has_begun(Phase.RETRAIN) and self._has_last(Phase.REPRESENT)):
            self._fit(trainer, model, Phase.REPRESENT)
        self._load_selected(model, Phase.REPRESENT)
        return trainer

    def retrain(self, model: PhasedModule) -> tuple[Trainer, Phase3]:
        """Phases 2 and 3: the head on balanced embeddings. Leaves the protocol's choice in ``model``."""
        # The fresh head must not depend on how many numbers phase 1 drew, or a run resumed here would differ.
        pl.seed_everything(self.cfg.seed, workers=True, verbose=False)
        switch = build_phase_3(self.cfg, known_targets(self.data), self.kept)
        settings = self.cfg.retrain
        trainer = self._trainer(Phase.RETRAIN, settings.epochs, [switch], settings.val_every)
        self._fit(trainer, model, Phase.RETRAIN)
        self._load_selected(model, Phase.RETRAIN)
        return trainer, switch

    def _for_task(self) -> list[Callback]:
        """What watches or steers phase 1 of classes only, or of numbers only."""
        if is_regression(self.cfg):
            return [SmoothFeatures()] if self.cfg.smoothing.enabled else []
        reweighting = build_reweighting(self.cfg, self.data.class_counts)
        return [*([] if reweighting is None else [reweighting]), diagnostics_of(self.cfg)]

    def _has_last(self, phase: Phase) -> bool:
        """Whether ``last.ckpt`` of a phase is there and intact; sets a damaged one aside."""
        last = self.run.checkpoint(phase, "last")
        return resumable(self.run, phase) == last

    def _fit(self, trainer: Trainer, model: PhasedModule, phase: Phase) -> None:
        resume = resumable(self.run, phase)
        if resume:
            log.info("resuming %s from %s", phase, resume)
        self._compile(trainer, model, phase)
        with told_to_end(trainer):
            trainer.fit(model, datamodule=self.data, ckpt_path=resume, weights_only=True)

    def _compile(self, trainer: Trainer, model: PhasedModule, phase: Phase) -> None:
        mode = compile_mode(self.cfg.accelerator.compile)
        if mode is None or phase is Phase.RETRAIN:  # one pass of a frozen extractor does not pay for compiling it
            return
        model.to(trainer.strategy.root_device)
        images = torch.rand(self.cfg.batch_size, *self.data.image_shape, device=model.device)
        images = images.contiguous(memory_format=memory_layout(self.cfg))
        with torch.random.fork_rng():
            try_compile(model.extractor_module, mode, images, trainer.precision_plugin.forward_context)

    def _load_selected(self, model: PhasedModule, phase: Phase) -> None:
        load_checkpoint(model, self.run, self.cfg, phase, checkpoint_kind(self.cfg, phase, "auto"))

    def _trainer(self, phase: Phase, epochs: int, callbacks: list[Callback], val_every: int) -> Trainer:
        shown = self.cfg.callbacks
        extra: list[Callback] = [EndTogether(), BatchSeed(), NanGuard(shown.nan_check_every)]
        extra.append(Interrupt(self.run.checkpoint(phase, "last")))  # after the guard: what it stops is not kept
        extra += self._checkpoints(phase)
        if shown.progress:
            extra.append(PhaseProgress(phase, log_lines=shown.log_lines))
        return make_trainer(self.cfg.accelerator, self.run.path, self.loggers, [*callbacks, *extra], epochs, val_every)

    def _checkpoints(self, phase: Phase) -> list[ModelCheckpoint]:
        # Two callbacks: one with save_last=True refreshes last.ckpt only when the monitored score improves.
        folder = self.run.checkpoints / phase.value
        prefix = "retrain/" if phase is Phase.RETRAIN else ""
        monitored = f"{prefix}{monitored_split(self.cfg)}/{monitored_score(self.cfg)}"
        mode: Literal["max", "min"] = "min" if lower_is_better(monitored) else "max"
        return [BestCheckpoint(folder, monitored, mode), LastCheckpoint(folder, self._record)]

    def _record(self, metrics: Mapping[str, float], step: int) -> None:
        for logger in self.loggers:
            if isinstance(logger, CsvLogger):
                logger.log_metrics(metrics, step)
                logger.save()


def resumable(run: RunFolder, phase: Phase) -> Path | None:
    """The newest intact checkpoint that a phase can go on from; None where it begins.

    A damaged ``last.ckpt`` is set aside and ``previous.ckpt`` takes its place; says so.
    """
    for kind in ("last", "previous"):
        path = run.checkpoint(phase, kind)
        if not path.is_file():
            continue
        try:
            read_checkpoint(path)
        except InputError as error:
            other = kind == "last" and run.checkpoint(phase, "previous").is_file()
            before = "the one before" if other else "the beginning of the phase"
            log.warning("%s: going on from %s", str(error).partition(":")[0], before)
            os.replace(path, path.with_suffix(".damaged"))
            continue
        return path
    return None


def make_trainer(
    accelerator: DictConfig,
    folder: Path,
    loggers: list[Logger],
    callbacks: list[Callback],
    epochs: int,
    val_every: int,
) -> Trainer:
    """A trainer for one fit or one evaluation.

    Raises:
        InputError: If Lightning refuses the accelerator's settings.
    """
    _silence_lightning()
    try:
        return Trainer(
            accelerator=accelerator.accelerator,
            devices=accelerator.devices,
            strategy=accelerator.strategy,
            precision=accelerator.precision,
            default_root_dir=folder,
            logger=loggers or False,
            callbacks=callbacks,
            max_epochs=epochs,
            check_val_every_n_epoch=val_every,
            num_sanity_val_steps=0,
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=any(isinstance(c, ModelCheckpoint) for c in callbacks),
            use_distributed_sampler=False,  # our samplers know their rank
            benchmark=accelerator.benchmark,
            plugins=[AtomicCheckpointIO(), *_cluster()],
            inference_mode=False,  # a metric state made in inference mode cannot be updated by the next fit
        )
    except (MisconfigurationException, ValueError) as error:
        raise InputError(
            f"accelerator.* cannot work ({one_line(error)}): set other values, or accelerator=cpu"
        ) from error


def _cluster() -> list[SLURMEnvironment]:
    """SLURM without Lightning's own requeueing, whose checkpoints every later trainer in the folder would load."""
    return [SLURMEnvironment(auto_requeue=False)] if SLURMEnvironment.detect() else []


def _silence_lightning() -> None:
    """Keep Lightning's hints off the screen; its warnings that matter stay."""
    logging.getLogger("pytorch_lightning").setLevel(logging.WARNING)
    for message in (
        ".*does not have many workers.*",  # images in memory need none
        ".*Checkpoint directory .* exists.*",  # resuming
        ".*logging interval.*",  # losses are logged per epoch
        ".*in eval mode at the start of training.*",  # the frozen extractor
        ".*dataloader is not resumable.*",  # our samplers begin at the batch where an interrupted epoch stopped
        ".*LeafSpec.*",
        ".*sync_dist=True.*",  # every process computes the scores from the counts of all
        ".*Grad strides do not match bucket view.*",  # of weights with one input channel, whatever their layout
    ):
        warnings.filterwarnings("ignore", message)


def predict(trainer: Trainer, model: PhasedModule, data: ImbalancedDataModule, split: str, name: str) -> Predictions:
    """Score a split under ``name`` and return its logits (N, K) and targets (N,), in the order of the split."""
    collect = CollectPredictions()
    trainer.callbacks.append(collect)  # type: ignore[attr-defined]
    model.test_name, data.test_split = name, split
    try:
        with told_to_end(trainer):
            trainer.test(model, datamodule=data, verbose=False)
    finally:
        trainer.callbacks.remove(collect)  # type: ignore[attr-defined]
        model.test_name, data.test_split = "test", "test"
    return Predictions(collect.logits, collect.targets)


def load_checkpoint(model: PhasedModule, run: RunFolder, cfg: DictConfig, phase: Phase, kind: CheckpointKind) -> None:
    """Put the weights of a checkpoint into a module of the same shape, and bring its loss to the checkpoint's epoch.

    Args:
        model: Of this phase.
        run: Holds the checkpoint.
        cfg: The config of the run.
        phase: The phase of the checkpoint.
        kind: ``best`` or ``last``.

    Raises:
        InputError: If the file is missing, damaged, or of another network.
    """
    path = run.checkpoint(phase, kind)
    checkpoint = read_checkpoint(path)
    try:
        model.load_state_dict(checkpoint["state_dict"])
    except RuntimeError as error:
        why = str(error).split("\n")[1].strip() if "\n" in str(error) else str(error)
        raise InputError(f"the checkpoint {path} does not fit the model of config.yaml: {why}") from None
    model.note_reached(checkpoint.get(REACHED, model.class_counts))
    if phase is Phase.REPRESENT:  # in phase 3 the schedules of a loss are over
        set_schedules(model, cfg, checkpoint["epoch"])


def read_checkpoint(path: Path, cure: str = "train the run again in another folder") -> Mapping[str, Any]:
    """A Lightning checkpoint, never unpickling anything but tensors and plain values.

    Args:
        path: The file.
        cure: What to do about a damaged file, for the message.

    Raises:
        InputError: If the file is missing or damaged.
    """
    if not path.is_file():
        raise InputError(f"there is no checkpoint {path}: train the run again, or choose another checkpoint")
    try:
        checkpoint: Mapping[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged file surfaces as any of half a dozen exceptions
        raise InputError(f"the checkpoint {path} is damaged ({type(error).__name__}): {cure}") from None
    if not isinstance(checkpoint, Mapping) or "state_dict" not in checkpoint:
        raise InputError(f"{path} is no Lightning checkpoint: it holds no state_dict; {cure}")
    return checkpoint
