"""The command that trains one run again."""

import itertools
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from lightning_imb.reports.collect import RunRecord
from lightning_imb.settings import first_of, matters
from lightning_imb.utils.errors import InputError

OVERRIDES = Path(".hydra") / "overrides.yaml"
PROGRAM = "imb-train"

_TAKE_A_WORD = ("--config-dir", "-cd", "--config-path", "-cp", "--config-name", "-cn")
_PLAIN = re.compile(r"\+{0,2}([\w.]+)=([\w.+/-]+)")  # key=value without quotes, lists, sweeps and interpolations
_OVERRIDE = re.compile(r"(~|\+{0,2}[\w.@/]+=)")


def train_again(record: RunRecord) -> str:
    """The command that trains one run again, alone, into a folder of its own.

    It is the command that the run has recorded, unless that trained several runs or its words cannot be told apart.
    Then it is made of the overrides that Hydra left in the folder; a later launch that was refused has left its
    own there, so those that contradict the config of the run are not believed.

    Args:
        record: The run.

    Returns:
        The command, quoted for a shell, or a sentence that says why it is not known.

    Raises:
        InputError: The file of the overrides is damaged.
    """
    recorded = str(record.metrics.get("command", ""))
    words = recorded.split(" ")
    if _is_single(words) and _can_be_told_apart(words):
        return shlex.join(word for word in words if not word.startswith("hydra.run.dir="))  # there the run is done
    file = record.path / OVERRIDES
    if not file.is_file():
        return recorded or "not recorded"
    overrides = _read(file)
    wrong = [word for word in overrides if _contradicts(word, record)]
    if wrong:
        return f"not known: {OVERRIDES} is of another launch ({first_of(wrong)}), the config is that of this run"
    # a sweep's file makes every command a sweep
    alone = ["hydra.mode=RUN"] if any(word.startswith("sweep=") for word in overrides) else []
    return shlex.join([PROGRAM, *overrides, *alone])


def _is_single(words: Sequence[str]) -> bool:
    """Whether this trained one run: neither a sweep by ``-m`` nor one that a file may have asked for."""
    asks = any(word in ("-m", "--multirun") or word.startswith(("sweep=", "hydra.mode=")) for word in words)
    return words[0] == PROGRAM and not asks


def _can_be_told_apart(words: Sequence[str]) -> bool:
    """Whether the blanks of the record stand between words: it is not quoted, and a value may have blanks itself."""
    if any(mark in word for word in words for mark in "'\"\\"):
        return False
    pairs = itertools.pairwise(words)
    return all(word.startswith("-") or before in _TAKE_A_WORD or _OVERRIDE.match(word) for before, word in pairs)


def _read(file: Path) -> list[str]:
    try:
        return [str(word) for word in yaml.safe_load(file.read_text(encoding="utf-8"))]
    except (yaml.YAMLError, TypeError) as error:
        raise InputError(f"{file} is damaged (no list of overrides): delete it, no result is in it.") from error


def _contradicts(word: str, record: RunRecord) -> bool:
    """Whether a plain override gives a setting that can change the result another value than the run has."""
    plain = _PLAIN.fullmatch(word)
    if plain is None or plain[1] not in record.settings or not matters(plain[1]):
        return False
    return not _same(plain[2], record.settings[plain[1]])


def _same(text: str, value: Any) -> bool:
    """Whether an override means a value; ``1e-3`` is a number for Hydra and none for yaml."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(text) == value
        except ValueError:
            return False
    return text == str(value) or yaml.safe_load(text) == value
