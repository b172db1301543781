"""The description in a file, read with distrust: it may be damaged, or somebody else's."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lightning_imb.exporting.description import FORMAT, Description
from lightning_imb.utils.errors import InputError


class _Rule(NamedTuple):
    """What a value has to be, in words and as a test."""

    words: str
    holds: Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_TEXT = _Rule("a text", _is_text)
_RULES = {
    "task": _Rule("classification or regression", lambda value: value in ("classification", "regression")),
    "class_names": _Rule(
        "a list of names", lambda value: isinstance(value, list) and value != [] and all(map(_is_text, value))
    ),
    "target": _Rule("a text or null", lambda value: value is None or _is_text(value)),
    "image_size": _Rule(
        "three whole numbers from 1 on",
        lambda value: isinstance(value, list) and len(value) == 3 and all(_is_whole(n) and n >= 1 for n in value),
    ),
    "pixels": _Rule("uint8 or float32", lambda value: value in ("uint8", "float32")),
    "seed": _Rule("a whole number", _is_whole),
    **dict.fromkeys(
        ("dataset", "method", "phase", "checkpoint", "precision", "config_hash", "fingerprint", "version"), _TEXT
    ),
}


def described(text: str | None, file: Path) -> Description:
    """Read what `Description.to_json` wrote.

    Args:
        text: What stands in the file under `KEY`; None where nothing does.
        file: For the messages.

    Raises:
        InputError: If it is no description, one of a later version, or a value of it is none that it could have.
    """
    if not text:
        raise InputError(f"model={file} was not written by imb-export (it holds no description): give one that was")
    try:
        found = json.loads(text)
        form = found.pop("format")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _damaged(file, "cannot be read") from error
    if form != FORMAT:
        raise InputError(
            f"model={file} has format {form}, which this lightning_imb does not know: "
            "export the run again, or use the version that wrote the file"
        )
    _check(found, file)
    lists = {key: tuple(found[key]) for key in ("class_names", "image_size")}
    return Description(**(found | lists))


def _check(found: Mapping[str, Any], file: Path) -> None:
    if differing := found.keys() ^ _RULES.keys():
        raise _damaged(file, f"lacks or has too much: {', '.join(map(repr, sorted(differing)))}")
    for key, rule in _RULES.items():
        if not rule.holds(found[key]):
            raise _damaged(file, f"says {key}={found[key]!r}, which is not {rule.words}")
    if (found["task"] == "regression") != (found["target"] is not None):
        raise _damaged(file, f"says target={found['target']!r} of task={found['task']}")


def _damaged(file: Path, how: str) -> InputError:
    return InputError(f"model={file} is damaged (its description {how}): export the run again")
