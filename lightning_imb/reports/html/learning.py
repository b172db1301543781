"""Learning curves of both phases, one figure per row: mean over seeds, with a band."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from lightning_imb.phases import Phase
from lightning_imb.reports.curves import SCORES, SPLITS, TITLES, Band, curve, learning_curves_figure, mean_over_runs
from lightning_imb.reports.html.parts import Picture, Section, picture
from lightning_imb.reports.html.rows import RowRuns, beyond
from lightning_imb.reports.task import Task
from lightning_imb.runs import RunFolder
from lightning_imb.tracking.csv_table import RETRAIN_PREFIX, MetricsTable

MAX_ROWS = 24


def learning_section(rows: Sequence[RowRuns], task: Task = "classification") -> Section:
    """Draw loss and balanced accuracy, or mean squared error, over the epochs of both phases.

    Args:
        rows: Runs by row.
        task: What the runs are about.
    """
    pictures, notes = [], list(beyond(rows, MAX_ROWS, "Curves", "the others are in figures/ of each run"))
    for row in rows[:MAX_ROWS]:
        tables = [table for table in (_table(record.path) for record in row.records) if len(table)]
        if tables:
            pictures.append(_picture(row, tables, task))
        if len(tables) < len(row.records):
            without = f"{len(row.records) - len(tables)} of {len(row.records)} runs"
            notes.append(f"{row.label}: {without} wrote no csv file (logger=csv or default).")
    text = "Lines are means over seeds, bands one standard deviation (ddof 1) to both sides."
    return Section("curves", "Learning curves", text, pictures=tuple(pictures), notes=tuple(notes))


def mean_curves_figure(tables: Sequence[MetricsTable], task: Task = "classification") -> Figure:
    """Draw the learning curves of several runs as mean and band.

    An epoch is averaged over the runs that trained it.

    Args:
        tables: The csv file of each run.
        task: What the runs are about.
    """
    bands = {phase: _bands([table.rows(phase) for table in tables], phase, task) for phase in Phase}
    phases = [phase for phase in Phase if bands[phase]]
    figure = learning_curves_figure({phase: _mean_rows(bands[phase]) for phase in phases}, task)
    panels = iter(figure.axes)  # line by line: the first score of each phase, then the second
    for score in SCORES[task]:
        for phase in phases:
            axes = next(panels)
            for line in axes.get_lines():
                band = bands[phase][_name(phase, str(line.get_label()), score)]
                epochs = [epoch + 1 for epoch in band]
                mean, std = np.array(list(band.values())).T
                axes.fill_between(epochs, mean - std, mean + std, color=line.get_color(), alpha=0.2, linewidth=0)
    return figure


def _picture(row: RowRuns, tables: Sequence[MetricsTable], task: Task) -> Picture:
    phases = " and ".join(TITLES[phase] for phase in Phase if any(table.rows(phase) for table in tables))
    above, below = SCORES[task].values()
    alt = f"Learning curves of {row.label}: {above} above, {below} below, over the epochs of {phases}."
    seeds = ", ".join(str(record.seed) for record in row.records)
    figure = mean_curves_figure(tables, task)
    figure.suptitle(row.label, fontsize=12, fontweight="bold")
    return picture(figure, alt, f"{row.label}: {len(tables)} of {len(row.records)} runs, seeds {seeds}.")


def _table(folder: Path) -> MetricsTable:
    return MetricsTable.read(RunFolder(folder).metrics_csv)


def _name(phase: Phase, split: str, score: str) -> str:
    return f"{RETRAIN_PREFIX if phase is Phase.RETRAIN else ''}{split}/{score}"


def _bands(runs: Sequence[Sequence[Mapping[str, float]]], phase: Phase, task: Task) -> dict[str, Band]:
    """Mean and deviation of every curve of a phase that at least one run has."""
    names = [_name(phase, split, score) for split in SPLITS for score in SCORES[task]]
    found = {name: mean_over_runs([_trained_epochs(rows, name, phase) for rows in runs]) for name in names}
    return {name: band for name, band in found.items() if band}


def _trained_epochs(rows: Sequence[Mapping[str, float]], name: str, phase: Phase) -> dict[int, float]:
    """A curve without what was scored after training: with another seed that epoch may have been trained."""
    trained = curve(rows, _name(phase, "train", "loss"))
    return {epoch: value for epoch, value in curve(rows, name).items() if epoch in trained}


def _mean_rows(bands: Mapping[str, Band]) -> list[dict[str, float]]:
    epochs = sorted({epoch for band in bands.values() for epoch in band})
    return [{"epoch": float(e)} | {name: band[e][0] for name, band in bands.items() if e in band} for e in epochs]
