"""Progress of training, class by class, of the rows whose runs logged it: all of them on one axis."""

from collections.abc import Sequence

from lightning_imb.phases import Phase
from lightning_imb.reports.curves import Row
from lightning_imb.reports.html.parts import Picture, Section, picture
from lightning_imb.reports.html.rows import RowRuns, beyond
from lightning_imb.reports.mean_rows import mean_rows
from lightning_imb.reports.progress_figure import PREFIX, has_progress, progress_comparison_figure
from lightning_imb.runs import RunFolder
from lightning_imb.tracking.csv_table import MetricsTable

MAX_LINES = 8


def progress_section(rows: Sequence[RowRuns]) -> Section:
    """Compare how fast rows learn major and minor classes, mean over seeds; empty where no run has diagnostics.

    Args:
        rows: Runs by row.
    """
    found = {row.label: runs for row in rows if (runs := _runs(row))}
    shown = list(found)[:MAX_LINES]
    watched = [row for row in rows if row.label in found]
    notes = beyond(watched, MAX_LINES, "Lines", "the others are in figures/ of each run")
    text = (
        "Measured on the training images, as they are, after epochs of phase 1 (callbacks.diagnostics_every). Lines "
        "are means over seeds."
    )
    pictures = (_picture({label: found[label] for label in shown}),) if shown else ()
    return Section("progress", "Progress of training", text, pictures=pictures, notes=notes)


def _runs(row: RowRuns) -> list[list[Row]]:
    """Rows of phase 1 of the csv file of each run that has diagnostics."""
    tables = [MetricsTable.read(RunFolder(record.path).metrics_csv) for record in row.records]
    return [list(rows) for table in tables if has_progress(rows := table.rows(Phase.REPRESENT))]


def _picture(runs: dict[str, list[list[Row]]]) -> Picture:
    means = {label: mean_rows(members, PREFIX) for label, members in runs.items()}
    alt = "Recall of major and minor training classes, minor images taken for a major class, and gradients, by epoch."
    counts = "; ".join(
        f"{label}: {len(members)} run{'s' if len(members) > 1 else ''}" for label, members in runs.items()
    )
    return picture(progress_comparison_figure(means), alt, f"{counts}.")
