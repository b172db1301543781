"""Markdown documents: their blocks of code and command lines, held to what they say."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

from hydra import compose, initialize_config_module

CONF = Path(__file__).parents[2] / "conf"
TRANSLATED = {"report": ("sweep", "folder"), "analyze": ("sweep", "folder"), "predict": ("model", "file")}
GROUPS = sorted(folder.name for folder in CONF.iterdir() if folder.is_dir())


class Block(NamedTuple):
    """A fenced block: its language, the file it is to stand in ("" for none), its lines."""

    language: str
    title: str
    text: str


def blocks(document):
    """All fenced blocks of a document, in order."""
    fenced = r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```'
    return [Block(*found) for found in re.findall(fenced, document, re.DOTALL | re.MULTILINE)]


def commands(text):
    """The words of every command line of a bash block: continuations joined, comments taken off."""
    lines = text.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def commands_of(document):
    """Those of all bash blocks of a document."""
    return [words for block in blocks(document) if block.language == "bash" for words in commands(block.text)]


def check_composes(words):
    """Fail unless Hydra composes a command line of ours, a sweep's with the first value of each key."""
    program = words[0].removeprefix("imb-")
    overrides = [word for word in words[1:] if "=" in word and not word.startswith("-")]
    # words that the entry points themselves translate, because config groups have these names
    spoken, meant = TRANSLATED.get(program, ("", ""))
    overrides = [re.sub(f"^{spoken}=", f"{meant}=", word) for word in overrides]
    if "-m" in words:
        overrides = [first_value(word) for word in overrides]
    with initialize_config_module("lightning_imb.conf", version_base="1.3"):
        cfg = compose(program, overrides)
    for override in overrides:
        key, _, value = override.lstrip("+~").partition("=")
        if key in GROUPS and key in cfg and isinstance(cfg[key], str):
            assert cfg[key] == value


def first_value(override):
    """``seed=0,1`` becomes ``seed=0``, ``method=glob(*)`` some method; commas inside brackets do not separate."""
    key, _, value = override.partition("=")
    if value.startswith("glob("):
        value = next(path.stem for path in sorted((CONF / key).glob("*.yaml")))
    return f"{key}={re.split(r',(?![^[{(]*[]})])', value)[0]}"
