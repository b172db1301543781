"""Figures of study ``fragility``, with what a reader must know of each."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lightning_imb.analysis.density import Density
from lightning_imb.analysis.top_features import at_features, shares
from lightning_imb.reports.analysis.density_figure import density_figure
from lightning_imb.reports.analysis.diversity_figure import diversity_figure
from lightning_imb.reports.analysis.match_figure import magnitude_figure, match_figure
from lightning_imb.reports.analysis.overlap_figure import overlap_figure
from lightning_imb.reports.analysis.top_features_figure import top_features_figure
from lightning_imb.reports.confusion import group_labels, head_to_tail
from lightning_imb.reports.style import DENSE_CLASSES
from lightning_imb.studies.fragility_views import WHAT, Seen, View
from lightning_imb.studies.subject import Subject

GROUPS = 20  # of classes, where a cell per class would be too small


class Drawn(NamedTuple):
    """Figures and captions by name."""

    figures: dict[str, Figure]
    captions: dict[str, str]


class Overlaps(NamedTuple):
    """Overlap of classes from head to tail, or above 200 classes of groups of them.

    Attributes:
        matrix: (M, M); NaN where not defined, and for a class with itself.
        labels: (M,) names of the classes, or ranks of the groups.
        grouped: Whether rows are groups.
    """

    matrix: NDArray[np.float64]
    labels: list[str]
    grouped: bool


def top_features_drawn(subject: Subject, view: View, seen: Seen) -> Drawn:
    """The features that carry each class."""
    features = seen.train.top_features(view.kind)
    share = shares(at_features(seen.train.magnitude(view.kind), features))
    figure = top_features_figure(features, share, subject.class_names, subject.train_counts, WHAT[view.kind])
    whose = "true positives" if view.kind == "ce" else "all images"
    name = f"top_features_{view.kind}"
    caption = f"Training images of the final network, mean magnitude over {whose} of a class."
    return Drawn({name: figure}, {name: f"{caption} {subject.protocol}."})


def overlap_drawn(subject: Subject, overlaps: Overlaps, view: View, top: int) -> Drawn:
    """The features that classes share."""
    groups = f": means over {GROUPS} groups of {subject.num_classes:,} classes" if overlaps.grouped else ""
    title = f"Top {top} features that classes share{groups}"
    what = "group (rank by training images)" if overlaps.grouped else "class, largest first"
    figure = overlap_figure(overlaps.matrix, overlaps.labels, title, what)
    caption = f"Features of training images, final network; {WHAT[view.kind]}."
    return Drawn({"class_overlap": figure}, {"class_overlap": caption})


def view_drawn(subject: Subject, view: View, seen: Seen, numbers: Mapping[str, float], repetitions: int) -> Drawn:
    """Magnitudes, their match between train and test, and diversity of one view."""
    names, counts, what, table = subject.class_names, subject.train_counts, WHAT[view.kind], seen.classes
    magnitudes = [_column(table, f"magnitude_{part}") for part in ("train_tp", "test_tp", "test_fn")]
    ranks = [
        numbers[f"{view.prefix}spearman_{name}"]
        for name in ("abs_log_r_tp_count", "excess_abs_log_r_tp_count", "diversity_b_count", "diversity_b_recall")
    ]
    diversity, recall = _column(table, "diversity_b_train"), _column(table, "recall")
    bacc = f"Balanced accuracy {recall[~np.isnan(recall)].mean():.3f} ({subject.protocol})."
    figures = {
        "magnitudes": magnitude_figure(magnitudes, names, counts, what, seen.train.top),
        "match": match_figure(table, (ranks[0], ranks[1]), names, counts, what),
        "diversity": diversity_figure(diversity, recall, names, counts, (ranks[2], ranks[3]), what),
    }
    captions = {
        "magnitudes": f"Features are the top {seen.train.top} of training in all three bars. {bacc}",
        "match": f"{_match_text(view, numbers, repetitions)} {bacc}",
        "diversity": f"exp(entropy) of how often features are in the top {seen.train.top} of single images; a class of "
        f"n images cannot exceed {seen.train.top} n. {bacc}",
    }
    return Drawn(figures, captions)


def _match_text(view: View, numbers: Mapping[str, float], repetitions: int) -> str:
    off, beyond = (numbers[f"{view.prefix}{name}"] for name in ("abs_log_r_tp", "excess_abs_log_r_tp"))
    return (
        f"Mean |log R| of true positives {off:.3f} (0 is a match), {beyond:+.3f} beyond chance. Means over few images "
        f"are noisy, so that small classes are off by chance alone: black marks are {repetitions} random divisions of "
        "the same images into as many of either side. What is above them is the shift."
    )


def overlaps_from_head_to_tail(subject: Subject, matrix: NDArray[np.float64]) -> Overlaps:
    """Order the overlap (C, C) of classes by their training images; many classes become means over groups."""
    order = head_to_tail(subject.train_counts)
    matrix = matrix[np.ix_(order, order)]
    if len(order) <= DENSE_CLASSES:
        return Overlaps(matrix, [subject.class_names[c] for c in order], False)
    return Overlaps(group_means(matrix, GROUPS), group_labels(len(order), GROUPS), True)


def group_means(matrix: NDArray[np.float64], groups: int) -> NDArray[np.float64]:
    """Mean of each block of a matrix (C, C) whose rows and columns are cut into groups; NaN cells do not count."""
    group_of = np.arange(len(matrix)) * groups // len(matrix)
    member = np.eye(groups)[group_of]
    known = ~np.isnan(matrix)
    sums = member.T @ np.where(known, matrix, 0.0) @ member
    cells = member.T @ known.astype(np.float64) @ member
    result: NDArray[np.float64] = sums / np.where(cells > 0, cells, np.nan)
    return result


def density_drawn(subject: Subject, found: Density, features: NDArray[np.int64], reference: int) -> Drawn:
    """How often rows of other classes have the features of the reference class."""
    figure = density_figure(found.rate, features, subject.class_names, subject.train_counts, reference)
    caption = (
        f"Training images, final network: segments add up to {len(features)} in a class whose images have each feature "
        "in their own top as often as the reference class. The table has ratios of counts, in which class sizes enter."
    )
    return Drawn({"density": figure}, {"density": caption})


def _column(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    return table[name].to_numpy(dtype=np.float64)
