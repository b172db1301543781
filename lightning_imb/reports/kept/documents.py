"""Tables of kept results in documents: ``python -m lightning_imb.reports.kept.documents results README.md ...``."""

import sys
from collections.abc import Sequence
from pathlib import Path

from lightning_imb.reports.grid import to_markdown
from lightning_imb.reports.kept.joint import joint_grid
from lightning_imb.reports.kept.parts import PARTS, study_markdown
from lightning_imb.reports.kept.study import FILE, is_study, read_study
from lightning_imb.utils.atomic import write_text_atomic
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.marks import filled

KIND, JOIN = "results", "+"


def renewed(document: str, results: Path) -> str:
    """A document with the tables between its marks made anew.

    ``<!-- results: <folder> -->`` stands for all tables of a folder, ``<folder>:scores``, ``<folder>:gains``,
    ``<folder>:differences`` and ``<folder>:relations`` for one of them, and ``<folder>+<folder>`` for one table of the
    rows that several share.

    Args:
        document: Markdown.
        results: Has the folders that the marks name.

    Raises:
        InputError: If a mark is wrong, or a folder has no study.
    """
    return filled(document, KIND, lambda name: _piece(results, name))


def _piece(results: Path, name: str) -> str:
    if JOIN in name:
        return to_markdown(joint_grid([read_study(results / folder) for folder in name.split(JOIN)])).strip()
    folder, _, part = name.partition(":")
    if not is_study(results / folder):
        raise InputError(f"{results / folder} has no {FILE}: correct the mark in the document")
    if part not in ("", *PARTS):
        raise InputError(f"there is no part '{part}' of {folder}: use one of {', '.join(PARTS)}, or none for all")
    return study_markdown(read_study(results / folder), part)


def main(words: Sequence[str]) -> None:
    """Renew the tables in some files.

    Args:
        words: The folder of the results, then the documents.
    """
    results, *documents = map(Path, words)
    texts = {path: renewed(path.read_text(encoding="utf-8"), results) for path in documents}
    for path, text in texts.items():  # none is written where one is refused
        write_text_atomic(path, text)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except InputError as error:
        sys.exit(f"error: {error}")
