"""The figures of one run: pure functions of arrays, and one that draws them all from a run folder."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightning_imb.phases import Phase
from lightning_imb.reports.confusion import (
    Answers,
    answers,
    by_groups,
    confusion_matrix,
    group_labels,
    head_to_tail,
    recalls,
)
from lightning_imb.reports.confusion_figure import confusion_figure
from lightning_imb.reports.curves import learning_curves_figure
from lightning_imb.reports.header import imbalance_ratio
from lightning_imb.reports.style import BLUE, DENSE_CLASSES, GREY, MANY_LABELS, SERIES, class_ticks, new_figure, tidy
from lightning_imb.runs import PredictionName, RunFolder
from lightning_imb.tracking.csv_table import MetricsTable
from lightning_imb.utils.atomic import atomic_file

log = logging.getLogger(__name__)

PHASE_1, FINAL = "after phase 1", "final"
GROUPS = 20  # of classes, where there are more classes than cells that can be told apart


def class_counts_figure(counts: Mapping[str, Sequence[int]], names: Sequence[str], title: str) -> Figure:
    """Draw the images per class, one panel per split.

    Args:
        counts: (K,) images per class for each split; the first split is drawn largest. Above 200 classes its
            counts order the classes, from the most to the fewest: else neighbours blur into each other.
        names: (K,) class names.
        title: Title of the figure.
    """
    order = head_to_tail(next(iter(counts.values()))) if len(names) > DENSE_CLASSES else range(len(names))
    figure = new_figure(10, 2.6 + 1.6 * (len(counts) - 1))
    ratios = [2.0] + [1.0] * (len(counts) - 1)
    panels = figure.subplots(len(counts), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
    for axes, (split, values) in zip(panels, counts.items(), strict=True):
        _count_bars(axes, [values[k] for k in order], BLUE)
        axes.margins(x=0.01, y=0.18)
        axes.set_ylabel("images")
        axes.set_title(f"{split}: {sum(values):,} images, ratio {imbalance_ratio(values)}", loc="left", fontsize=10)
        tidy(axes)
    class_ticks(panels[-1], [names[k] for k in order])
    panels[-1].set_xlabel("class" if len(names) <= DENSE_CLASSES else "class, from the most to the fewest images")
    figure.suptitle(title, fontsize=12, fontweight="bold")
    return figure


def recall_figure(recalls: Mapping[str, Sequence[float | None]], names: Sequence[str], counts: Sequence[int]) -> Figure:
    """Draw the recall of each class, classes ordered from the most to the fewest training images.

    Args:
        recalls: (K,) recall in [0, 1] per class, None where absent, for each model.
        names: (K,) class names.
        counts: (K,) training images per class.
    """
    order = head_to_tail(counts)
    series = {label: np.array([values[k] for k in order], dtype=np.float64) for label, values in recalls.items()}
    figure = new_figure(10, 5)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    (_recall_bars if len(names) <= MANY_LABELS else _recall_marks)(upper, series)
    upper.set_ylim(0, 1.08)
    upper.set_yticks(np.linspace(0, 1, 6))
    upper.set_ylabel("recall")
    upper.set_title("Recall per class, from head to tail", fontsize=12, fontweight="bold", loc="left")
    upper.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(series), frameon=False, fontsize=9)
    _count_panel(lower, [counts[k] for k in order])
    class_ticks(lower, [names[k] for k in order])
    tidy(upper)
    return figure


def _recall_bars(axes: Axes, series: Mapping[str, np.ndarray]) -> None:
    width = 0.8 / len(series)
    for i, (label, values) in enumerate(series.items()):
        x = np.arange(len(values)) + (i - (len(series) - 1) / 2) * width
        bars = axes.bar(
            x, np.nan_to_num(values), width * 0.94, label=_with_mean(label, values), color=_colour(i, series)
        )
        if len(values) * len(series) <= 24:
            texts = ["n/a" if np.isnan(v) else f"{v:.2f}" for v in values]
            axes.bar_label(bars, texts, fontsize=7, padding=1, color="#333333")


def _recall_marks(axes: Axes, series: Mapping[str, np.ndarray]) -> None:
    for i, (label, values) in enumerate(series.items()):
        x, colour = np.arange(len(values)), _colour(i, series)
        # thousands of marks must not hide the trend: where many lie on one another, they add up
        faint = min(0.65, DENSE_CLASSES / len(values))
        axes.plot(x, values, "o", color=colour, markersize=4, markeredgewidth=0, alpha=faint)
        axes.plot(x, _running_mean(values), color=colour, linewidth=2, zorder=3, label=_with_mean(label, values))
    axes.margins(x=0.01)


def _running_mean(values: np.ndarray, share: int = 10) -> np.ndarray:
    """Mean over the neighbouring tenth of the classes; the scatter of single classes hides the trend."""
    half = max(1, len(values) // (2 * share))
    known = ~np.isnan(values)
    sums, counts = (_window_sums(x, half) for x in (np.where(known, values, 0.0), known.astype(np.float64)))
    mean = np.full(len(values), np.nan)
    np.divide(sums, counts, out=mean, where=counts > 0)
    return mean


def _window_sums(values: np.ndarray, half: int) -> np.ndarray:
    """Sum of each value with up to ``half`` neighbours on both sides."""
    before = np.concatenate([[0.0], values.cumsum()])
    at = np.arange(len(values))
    last, first = np.minimum(at + half + 1, len(values)), np.maximum(at - half, 0)
    sums: np.ndarray = before[last] - before[first]
    return sums


def _with_mean(label: str, values: np.ndarray) -> str:
    return f"{label} (mean {np.nanmean(values):.3f})" if not np.isnan(values).all() else f"{label} (n/a)"


def _colour(i: int, series: Mapping[str, np.ndarray]) -> str:
    """A single model is drawn in the main colour; of two, the first is the muted point of comparison."""
    return BLUE if len(series) == 1 else SERIES[i % len(SERIES)]


def _count_bars(axes: Axes, counts: Sequence[int], colour: str) -> None:
    """Bars with their numbers or, of many classes, one outline: thousands of bars take seconds to draw."""
    if len(counts) <= MANY_LABELS:
        bars = axes.bar(range(len(counts)), counts, color=colour)
        axes.bar_label(bars, [f"{v:,}" for v in counts], fontsize=8, padding=2, color="#333333")
    else:
        axes.stairs(counts, np.arange(len(counts) + 1) - 0.5, fill=True, color=colour)


def _count_panel(axes: Axes, counts: Sequence[int]) -> None:
    _count_bars(axes, counts, GREY)
    axes.margins(x=0.01, y=0.3)
    axes.set_ylabel("training\nimages")
    axes.set_xlabel("class")
    tidy(axes)


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


def run_figures(run: RunFolder) -> dict[str, Figure]:
    """Draw every figure that the files of a run allow, by name.

    Args:
        run: A run with ``data.json`` and ``predictions/test.npz``; the phase-1 predictions and the csv
            file add theirs where they exist.

    Raises:
        InputError: One of the needed files is missing or damaged.
    """
    data = run.read_data()
    names, counts = data["class_names"], data["class_counts"]
    given = _given_answers(run)
    if len(names) > DENSE_CLASSES:
        log.info("the confusion of %d classes is drawn by groups: a cell per class would be too small", len(names))
    table = MetricsTable.read(run.metrics_csv)
    figures = {
        "class_counts": class_counts_figure(counts, names, f"Images per class: {data['dataset']}"),
        "recall": recall_figure({label: recalls(g) for label, g in given.items()}, names, counts["train"]),
    }
    for label, name in ((PHASE_1, "confusion_represent"), (FINAL, "confusion")):
        if label in given:
            figures[name] = answers_figure(given[label], names, counts["train"], f"Confusion on the test set, {label}")
    if len(table):
        figures["learning_curves"] = learning_curves_figure({phase: table.rows(phase) for phase in Phase})
    for name in figures.keys() - {"class_counts"}:
        # a score is worth little without the way its epoch was chosen, least of all on a lonely picture
        figures[name].supxlabel(f"protocol: {data['protocol']}", fontsize=8, x=0.99, ha="right")
    return figures


def _given_answers(run: RunFolder) -> dict[str, Answers]:
    """File by file: the logits of thousands of classes are large, what is read off them is not."""
    files: dict[str, PredictionName] = {PHASE_1: "represent_test", FINAL: "test"}
    return {
        label: answers(*run.read_predictions(name))
        for label, name in files.items()
        if label == FINAL or run.predictions_file(name).is_file()
    }


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
