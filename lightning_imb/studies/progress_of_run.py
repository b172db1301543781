"""The progress of one run: from its diagnostics, or else from the scores that every log holds."""

import re
from collections.abc import Mapping, Sequence

import pandas as pd

from lightning_imb.analysis.training_progress import Curve, progress_numbers
from lightning_imb.metrics import FrequencyGroups
from lightning_imb.reports.analysis.recall_curves_figure import recall_curves_figure
from lightning_imb.reports.curves import Row, curve, mean_over_runs
from lightning_imb.reports.progress_figure import PREFIX, progress_figure
from lightning_imb.studies.findings import Findings

SCORES = ("bacc", "top1", "many", "medium", "few")
HOW_TO_RECORD = "callbacks.diagnostics_every=1 records recall and feature gradients of the training images."
BALANCED = "All classes have the same number of training images: none is major or minor."
CAPTION = (
    "Real training images, in evaluation mode, without augmentation and mixing, after epochs of phase 1. The gradient "
    "is that of an image's own loss with respect to its features, times the class weight of that epoch. Colours go "
    "from the classes with the most training images (blue) to those with the fewest (orange)."
)


def from_diagnostics(
    rows: Sequence[Row], counts: Sequence[int], class_names: Sequence[str], bacc: Mapping[str, float]
) -> Findings:
    """Sum up a run that was looked at in training.

    Args:
        rows: Rows of phase 1 of the csv file.
        counts: (K,) real training images per class.
        class_names: (K,).
        bacc: Numbers to show beside the run's own.
    """
    curves = group_curves(rows)
    values = {name: class_curves(rows, f"{PREFIX}{name}/") for name in ("recall", "gradient")}
    numbers = {f"progress/{name}": value for name, value in progress_numbers(curves).items()}
    remarks = [] if "recall_minor" in curves else [BALANCED]
    if "gradient_ratio" not in curves:
        remarks.append(
            "The log holds no ratio of gradients: the loss has none of a single image, or no class is minor."
        )
    if not values["recall"]:
        remarks.append("The log holds no values of single classes: log_per_class=true records them.")
    return Findings(
        numbers={**bacc, **numbers},
        tables={"epochs": epochs_table(curves)} | class_table(values, counts, class_names),
        figures={"progress": progress_figure(rows, counts)},
        captions={"progress": CAPTION},
        remarks=tuple(remarks),
    )


def from_scores(
    rows: Sequence[Row],
    counts: Sequence[int],
    class_names: Sequence[str],
    bacc: Mapping[str, float],
    groups: FrequencyGroups,
    protocol: str,
) -> Findings:
    """Sum up a run by the images that were scored during training: fewer quantities, and not of training images.

    Args:
        rows: Rows of phase 1 of the csv file.
        counts: (K,) real training images per class.
        class_names: (K,).
        bacc: Numbers to show beside the run's own.
        groups: Which classes are major and minor.
        protocol: Label of the protocol, for the caption.
    """
    trained = [row for row in rows if any(name.startswith("train/") for name in row)]  # not the scores of the end
    split = "val" if any(name.startswith("val/") for row in trained for name in row) else "test"
    by_class = class_curves(trained, f"{split}/recall/")
    scores = {name: points for name in SCORES if (points := curve(trained, f"{split}/{name}"))}
    if not by_class:
        remark = f"The log holds no recall of single classes: log_per_class=true records it; {HOW_TO_RECORD}"
        tables = {"epochs": epochs_table(scores)} if scores else {}
        return Findings(numbers=dict(bacc), tables=tables, remarks=(remark,))
    means = {group: mean_curve([by_class[c] for c in of if c in by_class]) for group, of in groups._asdict().items()}
    named = {f"recall_{group}": points for group, points in means.items() if points}
    caption = (
        f"Recall of the {split} images in the epochs of phase 1 in which they were scored; protocol: {protocol}. This "
        "is not the training accuracy of which the paper speaks."
    )
    return Findings(
        numbers=dict(bacc) | {f"progress/{split}/{name}": value for name, value in _recall_numbers(named).items()},
        tables={"epochs": epochs_table(named | scores)} | class_table({"recall": by_class}, counts, class_names),
        figures={"progress": recall_curves_figure(by_class, means, counts, split)},
        captions={"progress": caption},
        remarks=(HOW_TO_RECORD,) if groups.minor else (BALANCED, HOW_TO_RECORD),
    )


def _recall_numbers(curves: Mapping[str, Curve]) -> dict[str, float]:
    known = ("epochs_to_half", "recall_gap")
    return {name: value for name, value in progress_numbers(curves).items() if name.startswith(known)}


def group_curves(rows: Sequence[Row]) -> dict[str, Curve]:
    """What diagnostics logged of groups of classes, by name without its prefix."""
    names = sorted({name for row in rows for name in row if name.startswith(PREFIX) and name.count("/") == 1})
    return {name.removeprefix(PREFIX): curve(rows, name) for name in names}


def class_curves(rows: Sequence[Row], prefix: str) -> dict[int, Curve]:
    """Curves of single classes, ``<prefix><class>``, by class."""
    pattern = re.compile(rf"{re.escape(prefix)}(\d+)")
    classes = sorted({int(match[1]) for row in rows for name in row if (match := pattern.fullmatch(name))})
    return {c: curve(rows, f"{prefix}{c}") for c in classes}


def mean_curve(curves: Sequence[Curve]) -> dict[int, float]:
    """Mean of several curves, each epoch over those that have it; empty without curves."""
    return {epoch: mean for epoch, (mean, _) in mean_over_runs(curves).items()}


def epochs_table(curves: Mapping[str, Curve]) -> pd.DataFrame:
    """One row per epoch, counted from 1, one column per curve; empty where a curve has no value."""
    table = pd.DataFrame({name: pd.Series(points, dtype="float64") for name, points in curves.items()}).sort_index()
    table.insert(0, "epoch", table.index.astype(int) + 1)
    return table.reset_index(drop=True)


def class_table(
    values: Mapping[str, Mapping[int, Curve]], counts: Sequence[int], class_names: Sequence[str]
) -> dict[str, pd.DataFrame]:
    """The table ``classes``, one row per class and epoch, where there are values of classes.

    Args:
        values: Curves by class of each quantity.
        counts: (K,) real training images per class.
        class_names: (K,).
    """
    classes = sorted({c for curves in values.values() for c in curves})
    tables = []
    for c in classes:
        table = epochs_table({name: curves[c] for name, curves in values.items() if c in curves})
        table.insert(0, "images", counts[c])
        table.insert(0, "class", class_names[c])
        tables.append(table)
    return {"classes": pd.concat(tables, ignore_index=True)} if tables else {}
