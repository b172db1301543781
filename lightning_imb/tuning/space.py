"""The search space: which settings are searched, and between which values."""

import re
from collections.abc import Mapping
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import Trial

from lightning_imb.settings import matters
from lightning_imb.utils.errors import InputError

Value = str | int | float | bool | None
Space = Mapping[str, BaseDistribution]

_RANGE = {"type", "low", "high", "log", "step"}
_KEYS = {"int": _RANGE, "float": _RANGE, "categorical": {"type", "choices"}}
# what they decide is the question, not an answer to it: scores of different questions cannot be compared
_OF_THE_QUESTION = ("seed", "protocol", "imbalance", "experiment", "sweep", "represent_from", "store")
_OF_THE_DATA = (
    "dataset",
    *(
        f"dataset.{key}"
        for key in ("name", "root", "csv", "label_column", "groups", "test_size", "split_seed", "splits")
    ),
)
_PLAIN = re.compile(r"[A-Za-z_][\w./-]*")
_WORDS = {"null", "true", "false", "nan", "inf"}  # which the grammar of overrides reads as values


def read_space(entries: Mapping[str, Any]) -> dict[str, BaseDistribution]:
    """Read ``search.space``.

    Args:
        entries: For each dotted setting, ``{type: int | float, low, high}`` with ``log`` (default false) and ``step``,
            or ``{type: categorical, choices: [...]}``.

    Raises:
        InputError: If there is no setting, one must not be searched, or its entry cannot be read.
    """
    if not entries:
        raise InputError("search.space is empty: name at least one setting with its range, as search=eos_head does")
    return {key: _read(key, entry) for key, entry in entries.items()}


def _read(key: str, entry: Any) -> BaseDistribution:
    _refuse_question(key)
    if not isinstance(entry, Mapping) or entry.get("type") not in _KEYS:
        raise InputError(f"search.space: {key} must be {{type: int, float or categorical, ...}}, not {entry}")
    if unknown := set(entry) - _KEYS[entry["type"]]:
        known = ", ".join(sorted(_KEYS[entry["type"]]))
        raise InputError(f"search.space: {key} has '{min(unknown)}', which type {entry['type']} does not: use {known}")
    try:
        return _distribution(entry)
    except (ValueError, TypeError, KeyError) as error:
        why = f"{error} is missing" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise InputError(f"search.space: {key} cannot be read ({why}): correct its entry {dict(entry)}") from error


def _refuse_question(key: str) -> None:
    of_the_question = any(f"{key}.".startswith(f"{root}.") for root in _OF_THE_QUESTION) or key in _OF_THE_DATA
    if of_the_question or not matters(key):
        why = "decides what is asked, so scores could not be compared" if of_the_question else "changes no score"
        raise InputError(f"search.space: {key} {why}: leave it out of the space, and set it on the command line")


def _distribution(entry: Mapping[str, Any]) -> BaseDistribution:
    if entry["type"] == "categorical":
        choices = list(entry["choices"])
        if bad := [choice for choice in choices if not isinstance(choice, str | int | float | bool | None)]:
            raise ValueError(f"a choice must be a single value, not {bad[0]}")
        if len(set(map(repr, choices))) < len(choices):
            raise ValueError("a choice is listed twice")
        return CategoricalDistribution(choices)
    low, high, log, step = entry["low"], entry["high"], entry.get("log", False), entry.get("step")
    numbers = (int,) if entry["type"] == "int" else (int, float)
    for value in (low, high, *([] if step is None else [step])):
        if not isinstance(value, numbers) or isinstance(value, bool):
            raise TypeError(f"{value!r} is not of type {entry['type']}")
    if low >= high:
        raise ValueError(f"low={low} must be below high={high}")
    if entry["type"] == "int":
        return IntDistribution(low, high, log=log, step=1 if step is None else step)
    return FloatDistribution(low, high, log=log, step=step)


def suggest(trial: Trial, space: Space) -> dict[str, Value]:
    """Draw a value of every setting; what a trial that was cut short had drawn already stays."""
    return {key: _suggest(trial, key, among) for key, among in space.items()}


def _suggest(trial: Trial, key: str, among: BaseDistribution) -> Value:
    if isinstance(among, CategoricalDistribution):
        choice: Value = trial.suggest_categorical(key, among.choices)
        return choice
    if isinstance(among, IntDistribution):
        return trial.suggest_int(key, among.low, among.high, step=among.step, log=among.log)
    assert isinstance(among, FloatDistribution), "read_space makes no other"
    return trial.suggest_float(key, among.low, among.high, step=among.step, log=among.log)


def ends(among: BaseDistribution) -> list[Value]:
    """All choices, or both ends of a range."""
    if isinstance(among, CategoricalDistribution):
        return list(among.choices)
    assert isinstance(among, IntDistribution | FloatDistribution), "read_space makes no other"
    return [among.low, among.high]


def override(key: str, value: Value) -> str:
    """``key=value`` in the grammar of the command line, with every digit of a number."""
    if value is None:
        return f"{key}=null"
    if isinstance(value, bool):
        return f"{key}={str(value).lower()}"
    if not isinstance(value, str) or (_PLAIN.fullmatch(value) and value.lower() not in _WORDS):
        return f"{key}={value}"
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"{key}='{escaped}'"


def overrides(values: Mapping[str, Value]) -> list[str]:
    """Several of them, in the order of the space."""
    return [override(key, value) for key, value in values.items()]
