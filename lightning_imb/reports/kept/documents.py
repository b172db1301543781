"""Tables of kept results in documents: ``python -m lightning_imb.reports.kept.documents results README.md ...``."""

import sys
from collections.abc import Sequence
from pathlib import Path

from lightning_imb.reports.kept.study import FILE, is_study, read_study
from lightning_imb.reports.kept.table import study_markdown
from lightning_imb.utils.atomic import write_text_atomic
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.marks import filled

KIND = "results"


def renewed(document: str, results: Path) -> str:
    """A document with the tables between its marks ``<!-- results: <folder> -->`` made anew.

    Args:
        document: Markdown.
        results: Has the folders that the marks name.

    Raises:
        InputError: If a mark is wrong, or a folder has no study.
    """
    return filled(document, KIND, lambda name: _piece(results / name))


def _piece(folder: Path) -> str:
    if not is_study(folder):
        raise InputError(f"{folder} has no {FILE}: correct the mark in the document")
    return study_markdown(read_study(folder))


def main(words: Sequence[str]) -> None:
    """Renew the tables in some files.

    Args:
        words: The folder of the results, then the documents.
    """
    results, *documents = map(Path, words)
    for path in documents:
        write_text_atomic(path, renewed(path.read_text(encoding="utf-8"), results))


if __name__ == "__main__":
    main(sys.argv[1:])
