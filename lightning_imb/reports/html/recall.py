"""Recall of each class by row: a figure and a table, once for every set of classes."""

from collections.abc import Sequence
from dataclasses import replace

from lightning_imb.reports.comparison import Comparison, shared_counts
from lightning_imb.reports.confusion import head_to_tail
from lightning_imb.reports.html.parts import Picture, Section, SortableTable, picture, sortable
from lightning_imb.reports.html.recall_map import recall_map_figure
from lightning_imb.reports.html.rows import RowRuns, row_label
from lightning_imb.reports.recall_figure import recall_figure
from lightning_imb.reports.style import DENSE_CLASSES, SERIES
from lightning_imb.reports.tables import per_class_grid

MAX_ROWS = 60
END = 50  # classes shown of the head and of the tail where not all are


def recall_section(comparison: Comparison, rows: Sequence[RowRuns]) -> Section:
    """Show how each class fares with each row, mean over seeds.

    Up to four rows are drawn side by side; more become a map of rows by classes, up to sixty of them. Above 200
    classes the table lists the fifty with the most and the fifty with the fewest training images.

    Args:
        comparison: The comparison.
        rows: The runs of each of its rows.
    """
    parts = by_classes(comparison, rows)
    pictures = tuple(drawn for part in parts if any(row.by_class for row in part.rows) for drawn in (_picture(part),))
    notes = tuple(dict.fromkeys(note for part in parts for note in _notes(part)))
    return Section("recall", "Recall per class", tables=tuple(map(_table, parts)), pictures=pictures, notes=notes)


def by_classes(comparison: Comparison, rows: Sequence[RowRuns]) -> list[Comparison]:
    """One comparison for each set of classes: recalls of different data sets share no table.

    Args:
        comparison: The comparison.
        rows: The runs of each of its rows.
    """
    groups: dict[tuple[str, ...], list[int]] = {}
    for i, row in enumerate(rows):
        groups.setdefault(row.class_names, []).append(i)
    return [
        replace(
            comparison,
            rows=tuple(comparison.rows[i] for i in members),
            class_names=names,
            train_counts=shared_counts([record for i in members for record in rows[i].records]),
        )
        for names, members in groups.items()
    ]


def _table(comparison: Comparison) -> SortableTable:
    grid = per_class_grid(replace(comparison, rows=comparison.rows[:MAX_ROWS]))
    return sortable(replace(grid, rows=tuple(grid.rows[k] for k in _shown(comparison))))


def _shown(comparison: Comparison) -> list[int]:
    names, counts = _names(comparison), comparison.train_counts
    order = head_to_tail(counts) if counts else list(range(len(names)))
    return order if len(order) <= DENSE_CLASSES else order[:END] + order[-END:]


def _notes(comparison: Comparison) -> list[str]:
    notes = []
    if len(names := _names(comparison)) > DENSE_CLASSES:
        notes.append(
            f"The table lists the {END} classes with the most and the {END} with the fewest training images of "
            f"{len(names):,}; imb-report with format=csv writes all."
        )
    if len(comparison.rows) > MAX_ROWS:
        notes.append(f"The first {MAX_ROWS} of {len(comparison.rows)} rows; imb-report with format=csv writes all.")
    return notes


def _picture(comparison: Comparison) -> Picture:
    names, counts = _names(comparison), comparison.train_counts
    recalls = {row_label(row.labels): [s.mean for s in row.by_class] for row in comparison.rows if row.by_class}
    first = dict(list(recalls.items())[:MAX_ROWS])
    if counts and len(recalls) <= len(SERIES):
        figure = recall_figure(first, names, counts)
    else:
        figure = recall_map_figure(first, names, counts)
    alt = f"Recall of {len(names):,} classes for {'; '.join(first)}. The table below holds the numbers."
    return picture(figure, alt, f"Mean over seeds; test set; {'; '.join(comparison.protocols)}.")


def _names(comparison: Comparison) -> tuple[str, ...]:
    assert comparison.class_names is not None  # `by_classes` has settled them
    return comparison.class_names
