"""Errors by bin of regressions: a figure for each training law and each method, a table for every set of bins."""

from collections.abc import Sequence
from dataclasses import replace

from lightning_imb.reports.comparison import Comparison
from lightning_imb.reports.html.parts import Picture, Section, picture, sortable
from lightning_imb.reports.html.recall import MAX_ROWS, by_classes
from lightning_imb.reports.html.rows import RowRuns, beyond
from lightning_imb.reports.regression.study_figures import Facet, facet_figure, facets, not_drawn
from lightning_imb.reports.tables import per_class_grid

MAX_PICTURES = 24


def errors_section(comparison: Comparison, rows: Sequence[RowRuns]) -> Section:
    """Show where along the targets each row errs.

    Args:
        comparison: The comparison.
        rows: The runs of each of its rows.
    """
    every = facets([record for row in rows for record in row.records], comparison.keys)
    drawable = [facet for facet in every if facet.drawable]
    notes = [*not_drawn(every), *beyond(rows, MAX_ROWS, "Tables", "imb-report with format=csv writes all")]
    if len(drawable) > MAX_PICTURES:
        notes.append(
            f"The first {MAX_PICTURES} of {len(drawable)} figures; imb-report with figures=<folder> draws all."
        )
    parts = [part for part in by_classes(comparison, rows) if any(row.by_class for row in part.rows)]
    tables = tuple(sortable(per_class_grid(replace(part, rows=part.rows[:MAX_ROWS]))) for part in parts)
    text = (
        "Mean squared error along the targets, mean over seeds, bands one standard deviation; below, how many training "
        "samples there are. Dashed: a constant, the mean of the training targets."
    )
    pictures = tuple(_picture(facet, comparison) for facet in drawable[:MAX_PICTURES])
    return Section("errors", "Error by bin", text, tables, pictures, tuple(notes), wide=False)


def _picture(facet: Facet, comparison: Comparison) -> Picture:
    alt = f"{facet.title}, for {'; '.join(facet.lines)}. The table below holds the numbers."
    of = f"{', '.join(facet.of)}; " if facet.of else ""
    return picture(facet_figure(facet), alt, f"{of}test set; {'; '.join(comparison.protocols)}.")
