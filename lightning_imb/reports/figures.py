"""The figures of one run: pure functions of arrays, and one that draws them all from a run folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightning_imb.phases import Phase
from lightning_imb.reports.confusion import confusion_matrix, recalls, row_shares
from lightning_imb.reports.curves import learning_curves_figure
from lightning_imb.reports.header import imbalance_ratio
from lightning_imb.reports.style import BLUE, GREY, MANY_CLASSES, SERIES, class_ticks, new_figure, tidy
from lightning_imb.runs import PredictionName, RunFolder
from lightning_imb.tracking.csv_table import MetricsTable
from lightning_imb.utils.atomic import atomic_file

PHASE_1, FINAL = "after phase 1", "final"


def class_counts_figure(counts: Mapping[str, Sequence[int]], names: Sequence[str], title: str) -> Figure:
    """Draw the images per class, one panel per split.

    Args:
        counts: (K,) images per class for each split; the first split is drawn largest.
        names: (K,) class names.
        title: Title of the figure.
    """
    figure = new_figure(10, 2.6 + 1.6 * (len(counts) - 1))
    ratios = [2.0] + [1.0] * (len(counts) - 1)
    panels = figure.subplots(len(counts), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
    for axes, (split, values) in zip(panels, counts.items(), strict=True):
        bars = axes.bar(range(len(values)), values, color=BLUE, width=0.8 if len(values) <= MANY_CLASSES else 1.0)
        if len(values) <= MANY_CLASSES:
            axes.bar_label(bars, [f"{v:,}" for v in values], fontsize=8, padding=2, color="#333333")
        axes.margins(x=0.01, y=0.18)
        axes.set_ylabel("images")
        axes.set_title(f"{split}: {sum(values):,} images, ratio {imbalance_ratio(values)}", loc="left", fontsize=10)
        tidy(axes)
    class_ticks(panels[-1], names)
    panels[-1].set_xlabel("class")
    figure.suptitle(title, fontsize=12, fontweight="bold")
    return figure


def recall_figure(recalls: Mapping[str, Sequence[float | None]], names: Sequence[str], counts: Sequence[int]) -> Figure:
    """Draw the recall of each class, classes ordered from the most to the fewest training images.

    Args:
        recalls: (K,) recall in [0, 1] per class, None where absent, for each model.
        names: (K,) class names.
        counts: (K,) training images per class.
    """
    order = np.argsort(-np.asarray(counts), kind="stable")
    series = {label: np.array([values[k] for k in order], dtype=np.float64) for label, values in recalls.items()}
    figure = new_figure(10, 5)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    (_recall_bars if len(names) <= MANY_CLASSES else _recall_marks)(upper, series)
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
        axes.plot(x, values, "o", color=colour, markersize=4, alpha=0.65, label=_with_mean(label, values))
        axes.plot(x, _running_mean(values), color=colour, linewidth=2)
    axes.margins(x=0.01)


def _running_mean(values: np.ndarray, share: int = 10) -> np.ndarray:
    """Mean over the neighbouring tenth of the classes; the scatter of single classes hides the trend."""
    half = max(1, len(values) // (2 * share))
    windows = [values[max(0, k - half) : k + half + 1] for k in range(len(values))]
    return np.array([np.nan if np.isnan(window).all() else np.nanmean(window) for window in windows])


def _with_mean(label: str, values: np.ndarray) -> str:
    return f"{label} (mean {np.nanmean(values):.3f})" if not np.isnan(values).all() else f"{label} (n/a)"


def _colour(i: int, series: Mapping[str, np.ndarray]) -> str:
    """A single model is drawn in the main colour; of two, the first is the muted point of comparison."""
    return BLUE if len(series) == 1 else SERIES[i % len(SERIES)]


def _count_panel(axes: Axes, counts: Sequence[int]) -> None:
    bars = axes.bar(range(len(counts)), counts, color=GREY, width=0.8 if len(counts) <= MANY_CLASSES else 1.0)
    if len(counts) <= MANY_CLASSES:
        axes.bar_label(bars, [f"{v:,}" for v in counts], fontsize=8, padding=1, color="#333333")
    axes.margins(x=0.01, y=0.3)
    axes.set_ylabel("training\nimages")
    axes.set_xlabel("class")
    tidy(axes)


def confusion_figure(confusion: np.ndarray, names: Sequence[str], title: str = "Confusion") -> Figure:
    """Draw a confusion matrix as shares of the true class, so that rare classes show like common ones.

    Args:
        confusion: (K, K) counts, true class in rows.
        names: (K,) class names in the same order.
        title: Title of the figure.
    """
    shares = row_shares(confusion)
    figure = new_figure(8.4, 7.2)
    axes = figure.subplots()
    axes.set_facecolor("#EEEEEE")  # shows through in the rows of absent classes
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    if len(names) <= MANY_CLASSES:
        _write_cells(axes, shares)
    class_ticks(axes, names, "x")
    class_ticks(axes, names, "y")
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.set_title(title, fontsize=12, fontweight="bold", loc="left")
    axes.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes, shrink=0.85, label="share of the true class").outline.set_visible(False)
    return figure


def _write_cells(axes: Axes, shares: np.ndarray) -> None:
    size = 9 if len(shares) <= 10 else 6.5
    for (i, j), share in np.ndenumerate(shares):
        if share >= 0.005:  # what would read "0" is noise to the eye
            colour = "white" if share > 0.55 else "#222222"
            axes.text(j, i, f"{100 * share:.0f}", ha="center", va="center", fontsize=size, color=colour)


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
    files: dict[str, PredictionName] = {PHASE_1: "represent_test", FINAL: "test"}
    matrices = {
        label: confusion_matrix(*run.read_predictions(name))
        for label, name in files.items()
        if label == FINAL or run.predictions_file(name).is_file()
    }
    table = MetricsTable.read(run.metrics_csv)
    figures = {
        "class_counts": class_counts_figure(counts, names, f"Images per class: {data['dataset']}"),
        "recall": recall_figure({label: recalls(m) for label, m in matrices.items()}, names, counts["train"]),
        "confusion": confusion_figure(matrices[FINAL], names, f"Confusion on the test set, {FINAL}"),
    }
    if PHASE_1 in matrices:
        title = f"Confusion on the test set, {PHASE_1}"
        figures["confusion_represent"] = confusion_figure(matrices[PHASE_1], names, title)
    if len(table):
        figures["learning_curves"] = learning_curves_figure({phase: table.rows(phase) for phase in Phase})
    for name in figures.keys() - {"class_counts"}:
        # a score is worth little without the way its epoch was chosen, least of all on a lonely picture
        figures[name].supxlabel(f"protocol: {data['protocol']}", fontsize=8, x=0.99, ha="right")
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
