"""What a study leaves for people: a line per trial, ``trials.csv`` and ``best.yaml``."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from lightning_imb.launches import wall_seconds
from lightning_imb.tuning.question import Question
from lightning_imb.tuning.study import complete
from lightning_imb.tuning.trial import folder_of, launches
from lightning_imb.utils.atomic import write_text_atomic

TRIALS, BEST = "trials.csv", "best.yaml"
_ONE_LINE = 100_000  # columns: a command that is broken into lines cannot be copied


def best_trial(study: Study) -> FrozenTrial | None:
    """The trial with the best score, the earliest of several; None before the first one."""
    pick = max if study.direction is StudyDirection.MAXIMIZE else min
    return pick(complete(study), key=lambda trial: trial.values[0], default=None)


def place_of(trial: FrozenTrial, folder: Path) -> Path:
    """Folder with the runs that a trial's score is from: its own, or that of the trial with the same values."""
    return folder_of(folder, trial.user_attrs.get("same_as", trial.number))


def mean_std(trial: FrozenTrial) -> str:
    """Such as ``0.8312 ± 0.0101``; a single seed has no std."""
    std = trial.user_attrs["std"]
    return f"{trial.values[0]:.4f}" + ("" if std is None else f" ± {std:.4f}")


def settings(values: Mapping[str, Any]) -> str:
    """Values on one line, numbers cut to what the eye takes in."""
    return " ".join(
        f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}" for key, value in values.items()
    )


def trial_line(study: Study, trial: FrozenTrial, question: Question, folder: Path) -> str:
    """What the screen says of a trial that has just ended."""
    tried = settings(trial.params)
    if trial.state is TrialState.FAIL:
        return f"trial {trial.number:>3}  failed: {trial.user_attrs['error']}  ({tried})"
    best = best_trial(study)
    assert best is not None, "this one is finished"
    same = trial.user_attrs.get("same_as")
    time = f"as trial {same}" if same is not None else f"{_wall(trial, question, folder):.0f} s"
    score = f"{question.metric} {mean_std(trial)}"
    return f"trial {trial.number:>3}  {score}  best {best.values[0]:.4f} (trial {best.number})  {tried}  {time}"


def _wall(trial: FrozenTrial, question: Question, folder: Path) -> float:
    """Seconds of all launches of the trial's own runs; a launch that was killed has left none."""
    if "same_as" in trial.user_attrs:
        return 0.0
    return wall_seconds(launches(question, folder, trial.number))


def write_results(study: Study, question: Question, folder: Path) -> None:
    """Write ``trials.csv`` and, once there is a score, ``best.yaml``."""
    write_text_atomic(folder / TRIALS, _csv(study, question, folder))
    best = best_trial(study)
    if best is not None:
        head = f"# Chosen by {question.metric}, mean over the seeds, among {len(complete(study))} finished trials.\n"
        content = yaml.safe_dump(_best(best, question, folder), sort_keys=False, allow_unicode=True, width=_ONE_LINE)
        write_text_atomic(folder / BEST, head + content)


def _csv(study: Study, question: Question, folder: Path) -> str:
    text = io.StringIO(newline="")
    names = (*(f"{question.metric} seed={seed}" for seed in question.seeds), *question.space)
    head = ("trial", "state", question.metric, "std", *names, "wall_s", "same_as", "error", "folder")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    for trial in study.get_trials(deepcopy=False):
        noted, none = trial.user_attrs, [None] * len(question.seeds)
        writer.writerow(
            [
                *(trial.number, trial.state.name.lower(), trial.values[0] if trial.values else None, noted.get("std")),
                *noted.get("seeds", none),
                *(trial.params.get(key) for key in question.space),
                *(round(_wall(trial, question, folder), 2), noted.get("same_as"), noted.get("error")),
                place_of(trial, folder),
            ]
        )
    return text.getvalue()


def _best(trial: FrozenTrial, question: Question, folder: Path) -> dict[str, Any]:
    return {
        "trial": trial.number,
        question.metric: trial.values[0],
        "std": trial.user_attrs["std"],
        "seeds": dict(zip(map(str, question.seeds), trial.user_attrs["seeds"], strict=True)),
        "settings": dict(trial.params),
        "fixed": list(question.fixed),
        "command": question.command(trial.params),
        "folder": str(place_of(trial, folder)),
    }
