"""The tables of methods and their parts in the README, made from the headers of the files in ``conf/``.

``python -m lightning_imb.utils.catalogue README.md`` writes them anew between two marks.
"""

import sys
from collections.abc import Iterator, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NamedTuple

from lightning_imb.utils.atomic import write_text_atomic
from lightning_imb.utils.conf_header import TOLD, header_of
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.marks import filled

GROUPS = (
    *("method", "loss", "reweight", "target_weights", "smoothing", "sampler", "mix", "oversample"),
    *("resampler", "retrain", "posthoc", "sharpness"),
)
COSTS = ("none", "once", "a pass an epoch", "second fit", "twice a step", "several times a step")


class Entry(NamedTuple):
    """What the header of an option says.

    Attributes:
        group: Folder in ``conf/``.
        option: File without its ending.
        title: What it is, in one line.
        paper: Where it comes from; empty for what has no paper.
        cost: What it costs in training time beside cross entropy, one of ``COSTS``.
    """

    group: str
    option: str
    title: str
    paper: str
    cost: str


def entries() -> list[Entry]:
    """All options of the groups that make a method, in the order of the groups and the alphabet.

    Raises:
        InputError: If a header is incomplete.
    """
    conf = resources.files("lightning_imb.conf")
    return [_entry(group, file) for group in GROUPS for file in _options(conf.joinpath(group))]


def catalogue() -> str:
    """The methods as a markdown table, and below it, folded up, the parts they are made of."""
    found = entries()
    methods, parts = ([e for e in found if (e.group == "method") == whole] for whole in (True, False))
    opened = f"<details>\n<summary>All {len(parts)} parts that methods are made of</summary>"
    return f"{_table(methods)}\n\n{opened}\n\n{_table(parts)}\n\n</details>"


def _table(rows: Sequence[Entry]) -> str:
    lines = ["| group | option | what it is | paper | cost |", "|---|---|---|---|---|"]
    lines += [f"| `{e.group}` | `{e.option}` | {e.title} | {e.paper or '–'} | {e.cost} |" for e in rows]
    return "\n".join(lines)


def renewed(document: str) -> str:
    """A document with the tables between its marks ``<!-- catalogue: ... -->`` made anew.

    Raises:
        InputError: If a mark is missing.
    """
    return filled(document, "catalogue", lambda _: catalogue())


def _options(folder: Traversable) -> Iterator[Traversable]:
    yield from sorted((f for f in folder.iterdir() if f.name.endswith(".yaml")), key=lambda f: f.name)


def _entry(group: str, file: Traversable) -> Entry:
    header = header_of(file.read_text(encoding="utf-8"))
    told = header.told
    if set(told) != set(TOLD) or told["Cost"] not in COSTS:
        raise InputError(
            f"conf/{group}/{file.name} needs three lines on top: what it is, '# Paper: ...' (or none) and "
            f"'# Cost: ...', one of {', '.join(COSTS)}"
        )
    paper = "" if told["Paper"] == "none" else told["Paper"]
    return Entry(group, file.name.removesuffix(".yaml"), header.title.removesuffix("."), paper, told["Cost"])


def main(path: str) -> None:
    """Renew the tables in a file."""
    file = Path(path)
    write_text_atomic(file, renewed(file.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main(sys.argv[1])
