"""Phase 1 of one run as the beginning of another, which differs in phases 2 and 3 only."""

import shutil
from typing import Literal

from omegaconf import DictConfig

from lightning_imb.fit import read_checkpoint
from lightning_imb.phases import Phase
from lightning_imb.runs import RunFolder, changed_keys, first_of
from lightning_imb.tracking.csv_table import MetricsTable
from lightning_imb.utils.atomic import atomic_file
from lightning_imb.utils.errors import InputError

_KINDS: tuple[Literal["best", "last"], ...] = ("best", "last")
_AFTER_PHASE_1 = {"method", "resampler", "retrain", "represent_from"}


def take_over_phase_1(cfg: DictConfig, run: RunFolder, fingerprint: str) -> None:
    """Copy the checkpoints and metrics of phase 1 from ``represent_from``; a fit resumes behind them.

    Nothing happens when the run has a checkpoint of phase 1 already.

    Args:
        cfg: The composed training config.
        run: The run that takes over.
        fingerprint: That of its data.

    Raises:
        InputError: If the other run is not finished, or its phase 1 is not the one that this run would train.
    """
    if run.checkpoint(Phase.REPRESENT, "last").is_file():
        return
    source = RunFolder.open_finished(str(cfg.represent_from))
    _check_same(cfg, source, fingerprint)
    for kind in _KINDS:
        read_checkpoint(source.checkpoint(Phase.REPRESENT, kind), cure="leave represent_from out, or give another run")
    _copy_metrics(source, run)
    for kind in _KINDS:  # the last one marks the end
        with (
            source.checkpoint(Phase.REPRESENT, kind).open("rb") as there,
            atomic_file(run.checkpoint(Phase.REPRESENT, kind)) as here,
        ):
            shutil.copyfileobj(there, here)


def _check_same(cfg: DictConfig, source: RunFolder, fingerprint: str) -> None:
    changed = changed_keys(source.read_config(), cfg)
    differing = [key for key in changed if key.split(".")[0] not in _AFTER_PHASE_1]
    if differing:
        raise InputError(
            f"represent_from={source.path} trained phase 1 with other settings ({first_of(differing)}): "
            "give the same ones, or leave represent_from out"
        )
    if source.read_data()["fingerprint"] != fingerprint:
        raise InputError(f"represent_from={source.path} was trained on other data: leave represent_from out")


def _copy_metrics(source: RunFolder, run: RunFolder) -> None:
    metrics = MetricsTable.read(source.metrics_csv)
    if len(metrics):
        metrics.only(Phase.REPRESENT).write(run.metrics_csv)
