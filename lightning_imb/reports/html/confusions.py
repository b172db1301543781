"""Confusion matrices, one per row, over all of its seeds."""

from collections.abc import Sequence

import numpy as np

from lightning_imb.reports.collect import RunRecord
from lightning_imb.reports.confusion import answers, confusion_matrix, row_shares
from lightning_imb.reports.confusion_figure import confusion_figure
from lightning_imb.reports.html.parts import Picture, Section, picture
from lightning_imb.reports.html.rows import RowRuns, beyond
from lightning_imb.runs import RunFolder
from lightning_imb.utils.errors import InputError

MAX_CLASSES = 60
MAX_ROWS = 24
WORST = 3  # confusions that the description of a picture names


def confusion_section(rows: Sequence[RowRuns]) -> Section:
    """Draw what each row takes for what, on the test set.

    Above 60 classes a row has no picture, and a note says so; neither have rows beyond the twenty-fourth.

    Args:
        rows: Runs by row.
    """
    drawable = [row for row in rows if len(row.class_names) <= MAX_CLASSES]
    notes = list(beyond(drawable, MAX_ROWS, "Confusion", "the others are in figures/ of each run"))
    if len(drawable) < len(rows):
        notes.append(
            f"{len(rows) - len(drawable)} of {len(rows)} rows have more than {MAX_CLASSES} classes: a cell each would "
            "be too small to read. Every run folder has figures/confusion.png."
        )
    pictures = []
    for row in drawable[:MAX_ROWS]:
        found, problems = _matrices(row.records)
        notes += problems
        if found:
            pictures.append(_picture(row, found))
    text = "Share of a true class that was given each predicted class; numbers are percent. Test set, mean over seeds."
    return Section("confusion", "Confusion", text, pictures=tuple(pictures), notes=tuple(notes), wide=False)


def _matrices(records: Sequence[RunRecord]) -> tuple[list[np.ndarray], list[str]]:
    """(K, K) counts of every run whose predictions can be read, and a sentence for every other run."""
    found, problems = [], []
    for record in records:
        try:
            found.append(confusion_matrix(answers(*RunFolder(record.path).read_predictions("test"))))
        except InputError as error:
            problems.append(str(error))
    return found, problems


def _picture(row: RowRuns, found: Sequence[np.ndarray]) -> Picture:
    total = np.sum(found, axis=0)  # the test set is the same in each: shares of the sum are the mean of the shares
    runs = f"{len(found)} run{'s' if len(found) > 1 else ''}"
    alt = f"Confusion matrix of {row.label}. Most frequent confusions: {_worst(total, row.class_names)}."
    protocols = "; ".join(dict.fromkeys(record.protocol for record in row.records))
    return picture(confusion_figure(total, row.class_names, row.label), alt, f"{row.label}: {runs}; {protocols}.")


def _worst(confusion: np.ndarray, names: Sequence[str]) -> str:
    shares = np.nan_to_num(row_shares(confusion))
    np.fill_diagonal(shares, 0)
    pairs = [divmod(int(at), len(shares)) for at in shares.argsort(axis=None)[::-1][:WORST]]
    found = [f"{names[i]} taken for {names[j]} ({shares[i, j]:.0%})" for i, j in pairs if shares[i, j]]
    return ", ".join(found) or "none"
