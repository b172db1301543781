"""The study on disk: made, gone on with, or refused."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from lightning_imb.settings import first_of
from lightning_imb.tuning.question import Question
from lightning_imb.utils.environment import installed
from lightning_imb.utils.errors import InputError

DATABASE = "study.db"
_NAME = "imb-tune"
_ASKED, _VERSIONS = "asked", "versions"
_PACKAGES = ("lightning-imb", "torch")  # with other ones the same settings have another score


def open_study(folder: Path, question: Question) -> Study:
    """Open the study in a folder, or begin one.

    Args:
        folder: The study folder, which exists.
        question: What the study asks.

    Raises:
        InputError: If the folder holds a study with another question or of other versions, or a file that is none.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path = folder / DATABASE
    try:
        study = optuna.create_study(
            storage=f"sqlite:///{path.absolute()}", study_name=_NAME, direction=question.direction, load_if_exists=True
        )
        _check_same(study, folder, question)
        _check_versions(study, folder)
    except (SQLAlchemyError, RuntimeError) as error:  # RuntimeError: tables of another version of Optuna
        why = " ".join(str(error).split()).partition(" [SQL")[0]
        raise InputError(f"{path} cannot be read ({why}): restore it, or choose another study=<folder>") from error
    return study


def _check_same(study: Study, folder: Path, question: Question) -> None:
    asked = question.identity(folder)
    before = study.user_attrs.get(_ASKED)
    if before is None:  # new, or killed in this very moment
        study.set_user_attr(_ASKED, json.dumps(asked))
        return
    if changed := _changed(json.loads(before), json.loads(json.dumps(asked))):
        raise InputError(
            f"{folder} holds a study with other settings ({first_of(changed)}): "
            "give the same ones to go on with it, or choose another study=<folder>"
        )


def _check_versions(study: Study, folder: Path) -> None:
    now, before = installed(_PACKAGES), study.user_attrs.get(_VERSIONS)
    if before is None:  # new, or begun when they were not noted
        study.set_user_attr(_VERSIONS, now)
        return
    if changed := _changed(before, now):
        told = ", ".join(f"{name} {before.get(name, 'none')}, now {now.get(name, 'none')}" for name in changed)
        raise InputError(
            f"{folder} holds a study made with {told}, so scores could not be compared: "
            "install the earlier version to go on with it, or choose another study=<folder>"
        )


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    absent = object()
    return [key for key in sorted({*before, *now}) if before.get(key, absent) != now.get(key, absent)]


def next_trial(study: Study, question: Question) -> Trial:
    """The trial that a killed process has left, which keeps its number, values and folder; else a new one.

    The numbers of a new one's sampler depend on its own number alone, so a study that was interrupted tries the same
    values as one that was not. (A sampler seeded once would begin anew, and repeat its first values.)
    """
    left = in_state(study, TrialState.RUNNING)
    number = left[0].number if left else len(study.get_trials(deepcopy=False))
    study.sampler = _sampler(question, number)
    # Optuna has no public way back into a running trial; its own integrations read the same attribute
    return Trial(study, left[0]._trial_id) if left else study.ask()


def _sampler(question: Question, number: int) -> BaseSampler:
    seed = int(np.random.SeedSequence([question.sampler_seed, number]).generate_state(1)[0])
    if question.sampler == "random":
        return RandomSampler(seed=seed)
    return TPESampler(seed=seed, n_startup_trials=question.startup_trials)


def in_state(study: Study, state: TrialState) -> list[FrozenTrial]:
    """The trials in one state, in the order of their numbers."""
    return study.get_trials(deepcopy=False, states=(state,))


def complete(study: Study) -> list[FrozenTrial]:
    """The trials with a score."""
    return in_state(study, TrialState.COMPLETE)
