"""The keys of a yaml file, each with its default and the comment beside it."""

from collections.abc import Iterator
from typing import NamedTuple

import yaml


class Key(NamedTuple):
    """A setting.

    Attributes:
        path: Its names from the top of the file.
        default: As the file spells it, on one line; empty for a mapping whose keys follow.
        comment: What the file says of it, in one line.
    """

    path: tuple[str, ...]
    default: str
    comment: str


def package_of(text: str) -> str | None:
    """Where Hydra puts the file's keys, by its ``@package`` line; None where it has none."""
    first = text.partition("\n")[0]
    return first.removeprefix("# @package ").strip() if first.startswith("# @package ") else None


class Default(NamedTuple):
    """An entry of a defaults list.

    Attributes:
        group: The group; empty for a file beside this one.
        at: Where its keys go, if not to the group's own place.
        option: The option; None where there is none unless one is asked for.
    """

    group: str
    at: str
    option: str | None


def defaults_of(text: str) -> list[Default]:
    """The entries of the defaults list but ``_self_``."""
    found = []
    for entry in (yaml.safe_load(text) or {}).get("defaults", []):
        name, option = next(iter(entry.items())) if isinstance(entry, dict) else ("", entry)
        group, _, at = name.split(" ")[-1].removeprefix("/").partition("@")  # before the blank: override, optional
        if option != "_self_":
            found.append(Default(group, at, option))
    return found


def keys_of(text: str) -> list[Key]:
    """All keys of a yaml file in their order, but those of its defaults list."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):  # a file of comments
        return []
    return [key for key in _keys(root, (), text) if key.path[0] != "defaults"]


def _keys(node: yaml.MappingNode, above: tuple[str, ...], text: str) -> Iterator[Key]:
    for name, value in node.value:
        path = (*above, str(name.value))
        if isinstance(value, yaml.MappingNode) and not value.flow_style:
            if comment := _comment(name, name.end_mark, text):
                yield Key(path, "", comment)
            yield from _keys(value, path, text)
        else:
            block = isinstance(value, yaml.SequenceNode) and not value.flow_style
            comment = _comment(name, name.end_mark if block else value.end_mark, text)
            yield Key(path, _spelt(value, text), comment)


def _spelt(value: yaml.Node, text: str) -> str:
    if isinstance(value, yaml.SequenceNode) and not value.flow_style:
        return f"[{', '.join(_spelt(item, text) for item in value.value)}]"
    return " ".join(text[value.start_mark.index : value.end_mark.index].split())


def _comment(name: yaml.Node, end: yaml.Mark, text: str) -> str:
    """The comment above a key, behind its value, and on the lines below that hold nothing else."""
    lines = [*text.splitlines(), ""]  # a text may end with the file
    column = name.start_mark.column
    found = [lines[end.line][end.column :].partition("#")[2].strip()]
    for line in lines[end.line + 1 :]:
        if not line.lstrip().startswith("#") or len(line) - len(line.lstrip()) <= column:
            break
        found.append(line.strip().removeprefix("#").strip())
    return " ".join([*_lines_above(lines[: name.start_mark.line], column), *found]).strip()


def _lines_above(lines: list[str], column: int) -> list[str]:
    found: list[str] = []
    while lines and lines[-1].startswith(" " * column + "#"):
        found.insert(0, lines.pop().strip().removeprefix("#").strip())
    return found if lines else []  # what reaches the top of the file is its header
