"""Every figure that the files of a run allow."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure

from lightning_imb.phases import Phase
from lightning_imb.reports.confusion import (
    Answers,
    answers,
    by_groups,
    class_tally,
    confusion_matrix,
    group_labels,
    recalls,
)
from lightning_imb.reports.confusion_figure import confusion_figure
from lightning_imb.reports.counts_figure import class_counts_figure
from lightning_imb.reports.curves import learning_curves_figure
from lightning_imb.reports.progress_figure import has_progress, progress_figure
from lightning_imb.reports.recall_figure import recall_figure
from lightning_imb.reports.regression.run_figures import regression_figures
from lightning_imb.reports.reliability_figure import Calibrated, reliability_figure
from lightning_imb.reports.shift_figure import KNOWN, Spread, prior_shift_figure
from lightning_imb.reports.style import DENSE_CLASSES
from lightning_imb.runs import PredictionName, Predictions, RunFolder
from lightning_imb.tracking.csv_table import MetricsTable
from lightning_imb.utils.atomic import atomic_file

log = logging.getLogger(__name__)

PHASE_1, FINAL = "after phase 1", "final"
GROUPS = 20  # of classes, where there are more classes than cells that can be told apart


def answers_figure(given: Answers, names: Sequence[str], counts: Sequence[int], title: str) -> Figure:
    """Draw the confusion of a model's answers.

    Above 200 classes the cells are 20 groups of classes, from the most to the fewest training images. They show
    where the tail goes; what is confused within a group is on the diagonal, too.

    Args:
        given: The answers.
        names: (K,) class names.
        counts: (K,) training images per class.
        title: Title of the figure.
    """
    if given.classes <= DENSE_CLASSES:
        return confusion_figure(confusion_matrix(given), names, title)
    grouped = confusion_matrix(by_groups(given, counts, GROUPS))
    title = f"{title}: {given.classes:,} classes in {GROUPS} groups"
    return confusion_figure(grouped, group_labels(given.classes, GROUPS), title, "group (rank by training images)")


def run_figures(run: RunFolder, scores: Mapping[str, Any] | None = None) -> dict[str, Figure]:
    """Draw every figure that the files of a run allow, by name.

    Those of a regression are :func:`lightning_imb.reports.regression.run_figures.regression_figures`.

    Args:
        run: A run with ``data.json`` and ``predictions/test.npz``; the phase-1 predictions and the csv
            file add theirs where they exist.
        scores: What ``metrics.json`` of the run will hold; None for what it holds, if it is there.

    Raises:
        InputError: One of the needed files is missing or damaged.
    """
    data = run.read_data()
    if scores is None:
        scores = run.read_metrics() if run.metrics_file.is_file() else {}
    if scores.get("task") == "regression":
        return _with_protocol(regression_figures(run, scores), data["protocol"])
    return _with_protocol(_classification_figures(run, data, scores), data["protocol"])


def _classification_figures(run: RunFolder, data: Mapping[str, Any], scores: Mapping[str, Any]) -> dict[str, Figure]:
    names, counts = data["class_names"], data["class_counts"]
    # over-sampled images make classes equal in the counts that reach the loss; head and tail are those of real images
    real = data.get("real_counts", counts["train"])
    models = {label: _judged(run.read_predictions(name), real) for label, name in _prediction_files(run).items()}
    if len(names) > DENSE_CLASSES:
        log.info("the confusion of %d classes is drawn by groups: a cell per class would be too small", len(names))
    figures = {
        "class_counts": class_counts_figure(counts, names, f"Images per class: {data['dataset']}"),
        "recall": recall_figure({label: recalls(model.given) for label, model in models.items()}, names, real),
        "reliability": reliability_figure({label: model.calibrated for label, model in models.items()}),
        "prior_shift": prior_shift_figure(
            {label: model.shifted for label, model in models.items()}, _known_shifts(scores)
        ),
    }
    for label, name in ((PHASE_1, "confusion_represent"), (FINAL, "confusion")):
        if label in models:
            title = f"Confusion on the test set, {label}"
            figures[name] = answers_figure(models[label].given, names, real, title)
    return figures | _training_figures(MetricsTable.read(run.metrics_csv), real)


def _with_protocol(figures: dict[str, Figure], protocol: str) -> dict[str, Figure]:
    """A score is worth little without the way its epoch was chosen, least of all on a lonely picture."""
    for name in figures.keys() - {"class_counts"}:
        figures[name].supxlabel(f"protocol: {protocol}", fontsize=8, x=0.99, ha="right")
    return figures


class _Judged(NamedTuple):
    """What is drawn of the predictions of a model: the logits of thousands of classes are large, this is not."""

    given: Answers
    calibrated: Calibrated
    shifted: dict[str, Spread]


def _judged(predictions: Predictions, counts: Sequence[int]) -> _Judged:
    # only here: these modules know torch, which takes longer to load than any table to make
    from lightning_imb.metrics import prior_shift, rates, reliability

    given, bins = answers(*predictions), reliability(*predictions)
    found = rates(*class_tally(given))
    shifted = prior_shift(found.recall, found.support, counts)
    spread = {shift: (value, 0.0) for shift, value in shifted.items()}
    return _Judged(given, Calibrated(bins.rows(), f"{bins.ece:.3f}"), spread)


def _known_shifts(scores: Mapping[str, Any]) -> dict[str, dict[str, Spread]]:
    """Expected top-1 by shift where the prior is known, of the models that were scored so.

    Which prior the logits have themselves is not in the predictions, so it is not computed here.
    """
    found: dict[str, dict[str, Spread]] = {}
    for label, prefix in ((PHASE_1, "represent/test"), (FINAL, "test")):
        start = f"{prefix}/{KNOWN}"
        spread = {name.removeprefix(start): (value, 0.0) for name, value in scores.items() if name.startswith(start)}
        found |= {label: spread} if spread else {}
    return found


def _prediction_files(run: RunFolder) -> dict[str, PredictionName]:
    before: dict[str, PredictionName] = {PHASE_1: "represent_test"}
    return (before if run.predictions_file("represent_test").is_file() else {}) | {FINAL: "test"}


def _training_figures(table: MetricsTable, counts: Sequence[int]) -> dict[str, Figure]:
    figures = {}
    if len(table):
        figures["learning_curves"] = learning_curves_figure({phase: table.rows(phase) for phase in Phase})
    if has_progress(rows := table.rows(Phase.REPRESENT)):
        figures["progress_diagnostics"] = progress_figure(rows, counts)
    return figures


def save_figures(run: RunFolder, figures: Mapping[str, Figure]) -> list[Path]:
    """Write figures into ``figures/*.png`` of a run.

    Args:
        run: Whose folder they go to.
        figures: Figures by name, see :func:`run_figures`.

    Returns:
        The files written.
    """
    files = []
    for name, figure in figures.items():
        path = run.figures / f"{name}.png"
        with atomic_file(path) as file:
            figure.savefig(file, format="png")
        files.append(path)
    return files
