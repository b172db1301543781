"""Every figure that the files of a regression allow."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from lightning_imb.phases import Phase
from lightning_imb.reports.cells import PHASE_1, TEST
from lightning_imb.reports.counts_figure import class_counts_figure
from lightning_imb.reports.curves import learning_curves_figure
from lightning_imb.reports.regression.errors_figure import errors_figure
from lightning_imb.reports.regression.prediction_figure import Predicted, prediction_figure
from lightning_imb.reports.regression.read import bin_errors, noise_floor
from lightning_imb.runs import PredictionName, RunFolder
from lightning_imb.tracking.csv_table import MetricsTable

STAGES: dict[str, tuple[str, PredictionName]] = {
    "after phase 1": (PHASE_1, "represent_test"),
    "final": (TEST, "test"),
}


def regression_figures(run: RunFolder, metrics: Mapping[str, Any]) -> dict[str, Figure]:
    """Draw every figure that the files of a regression allow, by name.

    Args:
        run: A run with ``predictions/test.npz``; the phase-1 predictions and the csv file add theirs where they exist.
        metrics: What ``metrics.json`` of the run holds or will hold.

    Raises:
        InputError: The predictions are missing or damaged.
    """
    names, edges, target = metrics["class_names"], metrics["bin_edges"], str(metrics["target"])
    stages = {label: stage for label, stage in STAGES.items() if f"{stage[0]}bin_mse" in metrics}
    errors = {label: bin_errors([metrics], prefix) for label, (prefix, _) in stages.items()}
    predicted = {label: predicted_by(run, metrics, *stage) for label, stage in stages.items()}
    title = f"Error by bin of {target}: {metrics['method']}"
    counts_title = f"Samples per bin of {target}: {metrics['dataset']}"
    figures = {
        "class_counts": class_counts_figure(metrics["class_counts"], names, counts_title, "bin"),
        "errors": errors_figure(errors, edges, target, title, noise_floor([metrics])),
        "predictions": prediction_figure(predicted, edges, target),
    }
    table = MetricsTable.read(run.metrics_csv)
    if len(table):
        figures["learning_curves"] = learning_curves_figure({p: table.rows(p) for p in Phase}, "regression")
    return figures


def predicted_by(run: RunFolder, metrics: Mapping[str, Any], prefix: str, name: PredictionName) -> Predicted:
    """Read what a run said about the test set.

    Args:
        run: The run.
        metrics: Its ``metrics.json``.
        prefix: Of its scores.
        name: Its predictions.

    Raises:
        InputError: The predictions are missing or damaged.
    """
    logits, targets = run.read_predictions(name)
    return Predicted(logits[:, 0], targets, metrics[f"{prefix}bin_bias"])
