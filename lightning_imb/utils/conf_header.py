"""The comments on top of a file of ``conf/``."""

from typing import NamedTuple

TOLD = ("Paper", "Cost")


class Header(NamedTuple):
    """The comments on top of a file.

    Attributes:
        title: The first of them.
        told: What the lines that begin with a word of ``TOLD`` say, by that word.
        notes: The others.
    """

    title: str
    told: dict[str, str]
    notes: list[str]


def header_of(text: str) -> Header:
    """Read the comments on top of a yaml file; Hydra's own directives are none."""
    lines: list[str] = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if not line.startswith("# @"):
            lines.append(line.removeprefix("#").strip())
    told = {word: line.removeprefix(f"{word}: ") for line in lines for word in TOLD if line.startswith(f"{word}: ")}
    notes = [line for line in lines[1:] if not line.startswith(tuple(f"{word}: " for word in TOLD))]
    return Header(lines[0] if lines else "", told, notes)
