"""Phase 1 of one run as the beginning of another, which differs in phases 2 and 3 only."""

import logging
from collections.abc import Sequence

from omegaconf import DictConfig

from lightning_imb.fit import read_checkpoint
from lightning_imb.phases import Phase
from lightning_imb.runs import CheckpointKind, RunFolder
from lightning_imb.settings import changed_keys, first_of
from lightning_imb.tracking.csv_table import MetricsTable
from lightning_imb.utils.atomic import link_or_copy
from lightning_imb.utils.errors import InputError

log = logging.getLogger(__name__)

KINDS: tuple[CheckpointKind, ...] = ("best", "last")
_AFTER = ("method", "resampler", "retrain", "posthoc", "represent_from", "protocol.select")  # both checkpoints are kept


def shapes_phase_1(key: str) -> bool:
    """Whether a setting, by its dotted name, can change phase 1, and not only what comes after it."""
    return not any(f"{key}.".startswith(f"{after}.") for after in _AFTER)


def phase_1_to_take_over(cfg: DictConfig, run: RunFolder, fingerprint: str) -> RunFolder | None:
    """The run that ``represent_from`` names; None when the run that asks has a checkpoint of phase 1 already.

    Args:
        cfg: The composed training config.
        run: The run that takes over.
        fingerprint: That of its data.

    Raises:
        InputError: If the other run is not finished, or its phase 1 is not the one that this run would train.
    """
    if run.has_begun(Phase.REPRESENT):
        return None
    source = RunFolder.open_finished(str(cfg.represent_from))
    _check_same(cfg, source, fingerprint)
    if cfg.callbacks.diagnostics_every and not source.read_config().callbacks.diagnostics_every:
        log.warning("%s was trained without diagnostics, so this run has none: train its phase 1 anew", source.path)
    for kind in KINDS:
        read_checkpoint(source.checkpoint(Phase.REPRESENT, kind), cure="leave represent_from out, or give another run")
    return source


def copy_phase_1(source: RunFolder, target: RunFolder, kinds: Sequence[CheckpointKind] = KINDS) -> None:
    """Give one folder the checkpoints and metrics of another's phase 1; its ``last.ckpt`` comes last and marks the end.

    Args:
        source: Has a phase 1, finished or begun.
        target: Gets it, by hard links where the file system has them.
        kinds: Which checkpoints, ``last`` at the end.
    """
    metrics = MetricsTable.read(source.metrics_csv)
    if not len(metrics):
        log.info("%s has no curves of phase 1: it was trained without the csv logger", source.path)
    else:
        metrics.only(Phase.REPRESENT).write(target.metrics_csv)
    for kind in kinds:
        file = source.checkpoint(Phase.REPRESENT, kind)
        if file.is_file():  # a phase that has only begun may have no best epoch yet
            link_or_copy(file, target.checkpoint(Phase.REPRESENT, kind))


def _check_same(cfg: DictConfig, source: RunFolder, fingerprint: str) -> None:
    changed = changed_keys(source.read_config(), cfg)
    differing = [key for key in changed if shapes_phase_1(key)]
    if differing:
        raise InputError(
            f"represent_from={source.path} trained phase 1 with other settings ({first_of(differing)}): "
            "give the same ones, or leave represent_from out"
        )
    if source.read_data()["fingerprint"] != fingerprint:
        raise InputError(f"represent_from={source.path} was trained on other data: leave represent_from out")
