"""What cannot work in a study is refused here, before its first trial."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from lightning_imb.checks import check_choice, check_config, check_whole
from lightning_imb.known_keys import check_keys
from lightning_imb.machine import several_processes
from lightning_imb.metrics import scores
from lightning_imb.phase_3 import check_retraining
from lightning_imb.task import ERRORS, is_regression
from lightning_imb.task_checks import check_task
from lightning_imb.tuning.question import Question
from lightning_imb.tuning.space import Value, ends, override, overrides
from lightning_imb.utils.direction import lower_is_better
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.hints import explain

_VALIDATION = "val/"
_AFTER_PHASE_1 = ("retrain", "resampler")


def check_numbers(cfg: DictConfig) -> None:
    """Refuse settings of the search itself that cannot work.

    Args:
        cfg: The composed config of ``conf/tune.yaml``.

    Raises:
        InputError: If a number is out of range or a word unknown.
    """
    for key, value, low in (
        ("n_trials", cfg.n_trials, 1),
        ("max_failures", cfg.max_failures, 1),
        ("search.sampler_seed", cfg.search.sampler_seed, 0),
        ("search.startup_trials", cfg.search.startup_trials, 1),
    ):
        check_whole(value, key, low)
    check_choice(cfg.search.sampler, "search.sampler", ("tpe", "random"))
    check_choice(cfg.search.direction, "search.direction", ("maximize", "minimize"))


def check_question(question: Question, folder: Path) -> None:
    """Refuse a study that cannot be answered: misspelt settings, scores of the test set, values that never work.

    Args:
        question: What the study asks.
        folder: The study; nothing is written.

    Raises:
        InputError: With the first thing found.
    """
    _check_seeds(question)
    base = _composed(question, {}, folder)
    check_keys(base)
    check_task(base)
    _check_metric(question, is_regression(base))
    check_config(base)
    check_retraining(base)
    _check_base(base, question)
    for key, among in question.space.items():
        for value in ends(among):
            _check_value(question, key, value, folder)


def _check_seeds(question: Question) -> None:
    for seed in question.seeds:
        check_whole(seed, "seeds", 0)
    if not question.seeds or len(set(question.seeds)) < len(question.seeds):
        raise InputError(f"seeds={list(question.seeds)} must be different numbers, at least one, such as seeds=[0,1,2]")


def _check_metric(question: Question, numeric: bool) -> None:
    metric = question.metric
    names = [f"{_VALIDATION}{name}" for name in (ERRORS if numeric else scores(np.eye(3), (1000, 50, 1)))]
    if metric not in names:
        of_test = " is a score of the test set, which must not choose settings" if "test/" in metric else " is unknown"
        raise InputError(f"search.metric={metric}{of_test}: use one of {', '.join(names)}")
    right = "minimize" if lower_is_better(metric) else "maximize"
    if question.direction != right:
        raise InputError(
            f"search.direction={question.direction} would find the worst {metric}: use search.direction={right}"
        )


def _check_base(base: DictConfig, question: Question) -> None:
    if several_processes(base.accelerator):
        raise InputError(
            f"accelerator.devices={base.accelerator.devices}: the runs of a study take one device each: set "
            "accelerator.devices=1"
        )
    if not base.protocol.val_size:
        raise InputError(
            f"protocol={base.protocol.name} has no validation images (protocol.val_size=0), and settings must not be "
            "chosen on the test set: use protocol=holdout"
        )
    unused = [key for key in question.space if key.split(".")[0] in _AFTER_PHASE_1 and "." in key]
    if unused and not base.retrain.enabled:
        raise InputError(
            f"method={base.method} retrains no head, so {unused[0]} changes nothing: "
            "choose a method that does, such as method=eos, or another search"
        )


def _check_value(question: Question, key: str, value: Value, folder: Path) -> None:
    """A combination that fails is recorded when its trial comes; a value that fails in every one is a mistake."""
    for end in (0, -1):
        rest = {other: ends(among)[end] for other, among in question.space.items()}
        trouble = _trouble(question, {**rest, key: value}, folder)
        if trouble is None:
            return
    raise InputError(f"search={question.search}: {override(key, value)} cannot work, because {trouble}")


def _trouble(question: Question, values: Mapping[str, Value], folder: Path) -> str | None:
    cfg = _composed(question, values, folder)
    try:
        check_config(cfg)
        check_retraining(cfg)
    except InputError as error:
        return str(error)
    return None


def _composed(question: Question, values: Mapping[str, Value], folder: Path) -> DictConfig:
    try:
        return question.config(values, question.seeds[0], folder)
    except (HydraException, OmegaConfBaseException) as error:
        why = explain(error, "train", [*question.fixed, *overrides(values)])
        raise InputError(f"search={question.search} does not fit the other settings: {why}") from error
