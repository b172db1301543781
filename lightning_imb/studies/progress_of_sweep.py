"""The progress of the runs of a sweep on one axis."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from lightning_imb.reports.analysis.progress_settings_figure import progress_settings_figure
from lightning_imb.reports.curves import Row
from lightning_imb.reports.mean_rows import mean_rows
from lightning_imb.reports.progress_figure import PREFIX, progress_comparison_figure
from lightning_imb.studies.findings import Findings
from lightning_imb.studies.progress_of_run import epochs_table, group_curves

MAX_LINES = 8

Runs = list[Sequence[Row]]
Means = Mapping[str, Mapping[str, Sequence[Row]]]


def compared(settings: Mapping[str, Mapping[str, Runs]], unwatched: int) -> Findings:
    """Compare lines of runs under one kind of imbalance or several.

    Args:
        settings: By kind of imbalance and name of a line: rows of phase 1 of the csv file of each run.
        unwatched: How many runs are left out because they have no diagnostics.
    """
    means = {
        imbalance: {line: mean_rows(runs, PREFIX) for line, runs in lines.items()}
        for imbalance, lines in settings.items()
    }
    merged = _merged(means)
    remarks = []
    if unwatched:
        remarks.append(f"Runs without diagnostics (callbacks.diagnostics_every=0) are left out: {unwatched}.")
    if len(merged) > MAX_LINES:
        remarks.append(f"The figure shows the first {MAX_LINES} of {len(merged)} lines; the table holds all of them.")
    return Findings(
        tables={"comparison": _table(settings, means)},
        figures={"comparison": _figure(means, dict(list(merged.items())[:MAX_LINES]))},
        captions={"comparison": _caption(settings)},
        remarks=tuple(remarks),
    )


def _merged(means: Means) -> dict[str, str]:
    """Lines that differ somewhere, each with the label of all that are equal to it: those that share phase 1."""
    equal: dict[str, list[str]] = {}
    for line in dict.fromkeys(line for lines in means.values() for line in lines):
        same = (first for first in equal if all(found.get(first) == found.get(line) for found in means.values()))
        equal.setdefault(next(same, line), []).append(line)
    return {first: " = ".join(lines) for first, lines in equal.items()}


def _figure(means: Means, labels: Mapping[str, str]) -> Figure:
    drawn = {
        f"imbalance={imbalance}": {label: lines[line] for line, label in labels.items() if line in lines}
        for imbalance, lines in means.items()
    }
    shown = {imbalance: lines for imbalance, lines in drawn.items() if lines}
    if len(shown) == 1:
        return progress_comparison_figure(next(iter(shown.values())))
    return progress_settings_figure(shown)


def _caption(settings: Mapping[str, Mapping[str, Runs]]) -> str:
    numbers = "; ".join(
        f"{line} ({imbalance}): {len(runs)}" for imbalance, lines in settings.items() for line, runs in lines.items()
    )
    return (
        "Real training images, means over seeds; lines joined by = share their phase 1 and therefore all of this. "
        f"Number of runs: {numbers}."
    )


def _table(settings: Mapping[str, Mapping[str, Runs]], means: Means) -> pd.DataFrame:
    """Means over seeds: one row per kind of imbalance, line and epoch."""
    tables = []
    for imbalance, lines in settings.items():
        for line, runs in lines.items():
            table = epochs_table(group_curves(means[imbalance][line]))
            for name, value in (("runs", len(runs)), ("line", line), ("imbalance", imbalance)):
                table.insert(0, name, value)
            tables.append(table)
    return pd.concat(tables, ignore_index=True)
