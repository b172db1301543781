"""Predictions against targets, a picture per row, of all of its runs together."""

from collections.abc import Sequence

import numpy as np

from lightning_imb.reports.cells import TEST
from lightning_imb.reports.collect import RunRecord
from lightning_imb.reports.comparison import Summary
from lightning_imb.reports.digits import significant
from lightning_imb.reports.html.parts import Picture, Section, picture
from lightning_imb.reports.html.rows import RowRuns, beyond
from lightning_imb.reports.regression.prediction_figure import Predicted, prediction_figure
from lightning_imb.reports.regression.run_figures import predicted_by
from lightning_imb.runs import RunFolder
from lightning_imb.utils.errors import InputError

MAX_ROWS = 24


def predictions_section(rows: Sequence[RowRuns]) -> Section:
    """Draw what each row predicts along the targets, on the test set.

    Args:
        rows: Runs by row.
    """
    notes = list(beyond(rows, MAX_ROWS, "Predictions", "the others are in figures/ of each run"))
    pictures = []
    for row in rows[:MAX_ROWS]:
        found, problems = _predicted(row.records)
        notes += problems
        if found:
            pictures.append(_picture(row, found))
    text = (
        "Test samples by target and prediction, all runs of a row together. On the dashed line a prediction is right; "
        "the orange line is flatter than it where predictions shrink towards the middle."
    )
    return Section("predictions", "Predictions", text, pictures=tuple(pictures), notes=tuple(notes), wide=False)


def _predicted(records: Sequence[RunRecord]) -> tuple[list[Predicted], list[str]]:
    """What every run said whose predictions can be read and whose bins are those of the first, and what is wrong."""
    found, problems = [], []
    for record in records:
        if record.metrics["bin_edges"] != records[0].metrics["bin_edges"]:
            problems.append(f"{record.path} has other bins than {records[0].path} and is not drawn with it.")
            continue
        try:
            found.append(predicted_by(RunFolder(record.path), record.metrics, TEST, "test"))
        except InputError as error:
            problems.append(str(error))
    return found, problems


def _picture(row: RowRuns, found: Sequence[Predicted]) -> Picture:
    metrics = row.records[0].metrics
    together = Predicted(
        np.concatenate([one.predictions for one in found]),
        np.concatenate([one.targets for one in found]),
        [_mean(values) for values in zip(*(one.bias for one in found), strict=True)],
    )
    target = str(metrics["target"])
    runs = f"{len(found)} run{'s' if len(found) > 1 else ''}"
    protocols = "; ".join(dict.fromkeys(record.protocol for record in row.records))
    biases = _biases(together, metrics["class_names"])
    return picture(
        prediction_figure({row.label: together}, metrics["bin_edges"], target),
        f"Predicted against true {target} of {row.label}. Mean of prediction - {target} by bin: {biases}.",
        f"{row.label}: {runs}; {protocols}.",
    )


def _mean(values: Sequence[float | None]) -> float | None:
    return Summary(tuple(value for value in values if value is not None)).mean


def _biases(model: Predicted, names: Sequence[str]) -> str:
    """Of the first and the last bin that have test samples: there they are largest."""
    known = [(name, bias) for name, bias in zip(names, model.bias, strict=True) if bias is not None]
    return ", ".join(f"{name} {significant(bias)}" for name, bias in dict.fromkeys((known[0], known[-1])))
