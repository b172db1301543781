"""The product's side: the objects of a run, composed and built as ``imb-train`` does it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import torch
from hydra import compose, initialize_config_module
from omegaconf import DictConfig
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import Logger

from benchmarks.case import Settings, Turn
from benchmarks.data import FEW, tail_ratio
from lightning_imb.build import build_classifier, build_datamodule, create
from lightning_imb.data.datamodule import ImbalancedDataModule
from lightning_imb.fit import TwoFits, make_trainer
from lightning_imb.machine import settle_machine
from lightning_imb.models.classifier import ImbalancedClassifier
from lightning_imb.runs import RunFolder

NEVER = 10**6  # more epochs than any fit has


@dataclass
class Run:
    """The objects of one run.

    Attributes:
        cfg: The composed config, ``auto`` settled.
        data: The data module, set up.
        model: The classifier, with fresh weights.
        loggers: Those of the config.
        fits: Both fits.
    """

    cfg: DictConfig
    data: ImbalancedDataModule
    model: ImbalancedClassifier
    loggers: list[Logger]
    fits: TwoFits

    @property
    def facts(self) -> dict[str, Any]:
        """What was chosen on this machine."""
        return {"precision": self.cfg.accelerator.precision, "threads": torch.get_num_threads()}

    def autocast(self) -> Callable[[], AbstractContextManager[Any]]:
        """The context of a forward pass, as the run's trainer makes it."""
        trainer = make_trainer(self.cfg.accelerator, self.fits.run.path, [], [], epochs=1, val_every=1)
        return trainer.precision_plugin.forward_context


def image_overrides(settings: Settings, few: bool = False) -> list[str]:
    """The published recipe on the benchmark's images, in the words of the command line.

    Args:
        settings: Where the images are.
        few: Whether the training set is to be a handful of images.
    """
    root = settings.data / FEW if few else settings.data
    return [
        "dataset=cifar10",
        f"dataset.root={root}",
        "dataset.splits._target_=benchmarks.sources.saved_arrays",
        "protocol=paper",
        *(["imbalance=none"] if few else ["imbalance=exp", f"imbalance.ratio={tail_ratio(settings)}"]),
        f"model.extractor.depth={settings.size(32, 8)}",
        *common_overrides(settings),
    ]


def common_overrides(settings: Settings) -> list[str]:
    """What every config of the benchmark gets."""
    threads = [] if settings.threads is None else [f"threads={settings.threads}"]
    return [f"accelerator={settings.accelerator}", *threads]


def compose_config(*overrides: str) -> DictConfig:
    """The config of an ``imb-train`` command line, with ``auto`` settled for this machine."""
    with initialize_config_module("lightning_imb.conf", version_base="1.3"):
        cfg = compose("train", overrides=list(overrides))
    settle_machine(cfg)
    return cfg


def prepare(settings: Settings, *overrides: str, few: bool = False) -> Run:
    """Everything that ``imb-train`` builds before its first fit, in a folder of its own.

    Args:
        settings: Where the images are and how large a network is wanted.
        *overrides: Further words of the command line.
        few: Whether the training set is to be a handful of images.
    """
    folder = Path(mkdtemp(prefix="run", dir=settings.scratch))  # a folder used before would be resumed
    paths = [f"run_dir={folder}", f"paths.logs={settings.scratch}"]
    cfg = compose_config(*image_overrides(settings, few), *paths, *overrides)
    data = build_datamodule(cfg)
    data.setup("fit")
    model = build_classifier(cfg, data.class_counts)
    loggers = [create(node, f"logger.{name}") for name, node in cfg.logger.items()]
    return Run(cfg, data, model, loggers, TwoFits(cfg, RunFolder.create(folder), data, loggers))


def attach(model: ImbalancedClassifier, callback: Callback) -> None:
    """Have Lightning add a callback to every fit of this module."""
    model.configure_callbacks = lambda: [callback]  # type: ignore[method-assign]


class EpochTurns(Callback):
    """Makes every training epoch of a fit one turn: from its start to the start of the next.

    So everything that a fit does per epoch counts, checkpoints and metrics on disk included; only starting the fit
    does not.

    Args:
        turn: Waits for the turns.
        facts: Told at the end of each.
    """

    def __init__(self, turn: Turn, facts: dict[str, Any]) -> None:
        self.turn = turn
        self.facts = facts
        self._running = False

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End the epoch before, wait for the next turn."""
        self._end()
        self.turn.begin()
        self._running = True

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End the last epoch."""
        self._end()

    def _end(self) -> None:
        if self._running:
            self._running = False
            self.turn.end(**self.facts)


class ValidationTurns(Callback):
    """Makes every look at the monitored set one turn."""

    def __init__(self, turn: Turn, facts: dict[str, Any]) -> None:
        self.turn = turn
        self.facts = facts

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Wait for the turn."""
        self.turn.begin()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Scores are computed and logged by now."""
        self.turn.end(**self.facts)


class FitTurn(Callback):
    """Makes the training of one whole fit a turn, without what is done before its first epoch."""

    def __init__(self, turn: Turn, facts: dict[str, Any]) -> None:
        self.turn = turn
        self.facts = facts

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Wait for the turn."""
        self.turn.begin()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """All epochs are over."""
        self.turn.end(**self.facts)


def train_epochs(turn: Turn, settings: Settings, *overrides: str) -> None:
    """Phase 1 of a run, one epoch per turn, without validation."""
    run = prepare(
        settings,
        "method=erm",
        f"epochs={settings.rounds + 1}",
        f"val_every={NEVER}",
        "protocol.select=last",
        *overrides,
    )
    attach(run.model, EpochTurns(turn, run.facts))
    run.fits.represent(run.model)
