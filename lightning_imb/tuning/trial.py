"""One trial: a run of imb-train for every seed, in this process."""

import logging
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from lightning_imb.launches import launch, launches_of
from lightning_imb.runs import RunFolder
from lightning_imb.tuning.question import Question
from lightning_imb.tuning.screen import screen_into
from lightning_imb.tuning.space import Value
from lightning_imb.utils.errors import InputError
from lightning_imb.workflow import train

log = logging.getLogger(__name__)

_DEATHS = 3  # of one run, as in a sweep: out of memory, or a library that crashes, comes again every time


def folder_of(study: Path, number: int) -> Path:
    """Folder of a trial, with one run folder per seed in it."""
    return study / "trials" / str(number)


def run_of(study: Path, number: int, seed: int) -> RunFolder:
    """One run of a trial."""
    return RunFolder(folder_of(study, number) / f"seed={seed}")


def measure(question: Question, values: Mapping[str, Value], study: Path, number: int) -> list[float]:
    """Train with every seed, or go on with what is there already.

    Args:
        question: What the study asks.
        values: Of the searched settings.
        study: The study folder.
        number: The trial.

    Returns:
        The score of each seed.

    Raises:
        InputError: If the process of a run was killed too often.
        Exception: What ends a run ends the trial.
    """
    for seed in question.seeds:
        _refuse_deadly(run_of(study, number, seed))
    configs = [question.config(values, seed, run_of(study, number, seed).path) for seed in question.seeds]
    return [_score(question.metric, _train(cfg)) for cfg in configs]


def _refuse_deadly(run: RunFolder) -> None:
    deaths = sum(one["state"] == "running" for one in launches_of(run.path))
    if deaths >= _DEATHS and not run.finished:
        raise InputError(
            f"the process of {run.path} was killed {deaths} times (out of memory, a crash, or from outside): "
            "leave such settings out of the space, or give the command more memory"
        )


def _train(cfg: DictConfig) -> dict[str, Any]:
    run = RunFolder(cfg.run_dir)
    with screen_into(run.log_file), launch(run.path):
        try:
            return train(cfg)
        except InputError as error:
            log.error("%s", error)
            raise
        except Exception:
            log.exception("a defect ended this run")
            raise


def _score(metric: str, metrics: Mapping[str, Any]) -> float:
    value = metrics.get(metric)
    if value is None:
        raise InputError(f"the run has no {metric}: choose another search.metric")
    return float(value)


def spread(values: Sequence[float]) -> float | None:
    """Sample standard deviation (ddof 1); None for a single seed."""
    return statistics.stdev(values) if len(values) > 1 else None


def launches(question: Question, study: Path, number: int) -> list[dict[str, Any]]:
    """All launches of the runs of a trial, oldest first; see ``launches.launches_of``."""
    return [one for seed in question.seeds for one in launches_of(run_of(study, number, seed).path)]
