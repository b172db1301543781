"""Learning curves of both phases, from the rows of the csv file."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lightning_imb.phases import Phase
from lightning_imb.reports.style import BLUE, GREEN, ORANGE, log_if_wide, new_figure, tidy
from lightning_imb.reports.task import Task
from lightning_imb.tracking.csv_table import RETRAIN_PREFIX

Row = Mapping[str, float]
Band = dict[int, tuple[float, float]]  # mean and standard deviation by epoch
SPLITS = {"train": ORANGE, "val": BLUE, "test": GREEN}
SCORES: dict[Task, dict[str, str]] = {
    "classification": {"loss": "loss", "bacc": "balanced accuracy"},
    "regression": {"loss": "loss", "mse": "mean squared error"},
}
TITLES = {Phase.REPRESENT: "Phase 1: represent (images)", Phase.RETRAIN: "Phase 3: retrain (head)"}


def learning_curves_figure(rows: Mapping[Phase, Sequence[Row]], task: Task = "classification") -> Figure:
    """Draw loss and balanced accuracy, or mean squared error, over the epochs, the phases side by side.

    Args:
        rows: Rows of the csv file per phase, each with ``epoch`` where known. A phase without rows is left
            out. The test split is drawn only where it was scored during training, epoch by epoch.
        task: What the run is about.
    """
    phases = [phase for phase in Phase if rows.get(phase)] or [Phase.REPRESENT]
    figure = new_figure(1.5 + 4.6 * len(phases), 6)
    panels = figure.subplots(2, len(phases), squeeze=False, sharex="col", sharey="row" if len(phases) > 1 else False)
    for column, phase in enumerate(phases):
        for line, (score, label) in enumerate(SCORES[task].items()):
            axes = panels[line][column]
            _draw(axes, rows.get(phase, ()), RETRAIN_PREFIX if phase is Phase.RETRAIN else "", score)
            if column == 0:
                axes.set_ylabel(label)
        panels[0][column].set_title(TITLES[phase], fontsize=11, fontweight="bold", loc="left")
        panels[1][column].set_xlabel("epoch")
        panels[1][column].xaxis.set_major_locator(MaxNLocator(integer=True))
        if task == "classification":
            panels[1][column].set_ylim(0, 1.02)
    if task == "regression":
        log_if_wide(*panels[1])
    return figure


def _draw(axes: Axes, rows: Sequence[Row], prefix: str, score: str) -> None:
    trained = curve(rows, f"{prefix}train/loss")  # the score of the finished model is filed one epoch later
    curves = {
        split: {e: value for e, value in curve(rows, f"{prefix}{split}/{score}").items() if e in trained}
        for split in SPLITS
    }
    if len(curves["test"]) < 2:  # the one score at the end of a run is no curve
        del curves["test"]
    for split, points in curves.items():
        if points:
            marker = "o" if len(points) <= 15 else None
            epochs = [epoch + 1 for epoch in points]
            axes.plot(epochs, list(points.values()), color=SPLITS[split], marker=marker, markersize=4, label=split)
    if any(curves.values()):
        axes.legend(frameon=False, fontsize=9)
    else:
        axes.text(0.5, 0.5, "not recorded", transform=axes.transAxes, ha="center", color="#777777")
    tidy(axes, "both")


def curve(rows: Sequence[Row], name: str) -> dict[int, float]:
    """Last value of a metric in each epoch.

    Args:
        rows: Rows of one phase in order of time.
        name: The metric; ``<name>_epoch``, Lightning's name for the mean of a metric that is also logged
            per step, stands in for it.

    Returns:
        Value by epoch, counted from 0.
    """
    points: dict[int, float] = {}
    for row in rows:
        value = row.get(f"{name}_epoch", row.get(name))
        if value is not None and "epoch" in row:
            points[int(row["epoch"])] = value
    return dict(sorted(points.items()))


def mean_over_runs(curves: Sequence[Mapping[int, float]]) -> Band:
    """Mean and sample standard deviation of a curve over several runs, 0 for one; each epoch over those that have it.

    Args:
        curves: Value by epoch, for each run.
    """
    values = {e: [c[e] for c in curves if e in c] for e in sorted({epoch for c in curves for epoch in c})}
    return {e: (float(np.mean(v)), float(np.std(v, ddof=1)) if len(v) > 1 else 0.0) for e, v in values.items()}
