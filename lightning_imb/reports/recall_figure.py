"""The picture of the recall of each class."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightning_imb.reports.analysis.class_panels import running_mean
from lightning_imb.reports.confusion import head_to_tail
from lightning_imb.reports.counts_figure import count_bars
from lightning_imb.reports.style import BLUE, DENSE_CLASSES, GREY, MANY_LABELS, SERIES, class_ticks, new_figure, tidy


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
        axes.plot(x, running_mean(values), color=colour, linewidth=2, zorder=3, label=_with_mean(label, values))
    axes.margins(x=0.01)


def _with_mean(label: str, values: np.ndarray) -> str:
    return f"{label} (mean {np.nanmean(values):.3f})" if not np.isnan(values).all() else f"{label} (n/a)"


def _colour(i: int, series: Mapping[str, np.ndarray]) -> str:
    """A single model is drawn in the main colour; of two, the first is the muted point of comparison."""
    return BLUE if len(series) == 1 else SERIES[i % len(SERIES)]


def _count_panel(axes: Axes, counts: Sequence[int]) -> None:
    count_bars(axes, counts, GREY)
    axes.margins(x=0.01, y=0.3)
    axes.set_ylabel("training\nimages")
    axes.set_xlabel("class")
    tidy(axes)
