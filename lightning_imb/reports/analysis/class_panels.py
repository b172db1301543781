"""Panels with a number per class and model, as bars of few classes or marks of many."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lightning_imb.reports.style import DENSE_CLASSES, GREY, MANY_LABELS, class_ticks, colours, tidy

_TREND = 10  # a line through many classes is the mean over this fraction of them


def class_values(
    axes: Axes, series: Mapping[str, NDArray[Any]], errors: Mapping[str, NDArray[Any]] | None = None
) -> None:
    """Draw one number per class of each model: bars, or, of many classes, marks with a line of running means.

    Args:
        axes: Where.
        series: (K,) numbers of each model, at most eight, classes in the order drawn; NaN is left out.
        errors: (K,) half lengths of error bars, for all models or None; drawn on bars only.
    """
    for i, ((label, values), colour) in enumerate(zip(series.items(), colours(len(series)), strict=True)):
        x, width = _places(len(values), i, len(series))
        if len(values) <= MANY_LABELS:
            yerr = None if errors is None else errors[label]
            lines = {"elinewidth": 1, "ecolor": "#222222"}
            axes.bar(x, values, width, yerr=yerr, label=label, color=colour, capsize=2, error_kw=lines)
        else:
            faint = min(0.5, DENSE_CLASSES / len(values))
            axes.plot(x, values, "o", color=colour, markersize=3.5, markeredgewidth=0, alpha=faint)
            axes.plot(x, running_mean(values), color=colour, linewidth=2, zorder=3, label=label)
    axes.margins(x=0.01)
    tidy(axes)


def chance_marks(axes: Axes, series: Mapping[str, NDArray[Any]], label: str) -> None:
    """Mark on the bars of `class_values` what chance alone would give; of many classes, draw it as a dashed line.

    Args:
        axes: Where `class_values` drew the same models.
        series: (K,) numbers of each model.
        label: What the legend calls the marks.
    """
    for i, (values, colour) in enumerate(zip(series.values(), colours(len(series)), strict=True)):
        x, width = _places(len(values), i, len(series))
        first = label if i == 0 else ""
        if len(values) <= MANY_LABELS:
            axes.hlines(values, x - width / 2, x + width / 2, color="#222222", linewidth=2, label=first)
        else:
            axes.plot(x, running_mean(values), color=colour, linewidth=1.5, linestyle=":", zorder=3, label=first)


def _places(classes: int, i: int, models: int) -> tuple[NDArray[np.float64], float]:
    """Where model ``i`` of several is drawn: x (K,) and the width of a bar; many classes share their places."""
    x = np.arange(classes, dtype=np.float64)
    share = 0.8 / models
    return (x + (i - (models - 1) / 2) * share if classes <= MANY_LABELS else x), 0.94 * share


def running_mean(values: NDArray[Any]) -> NDArray[np.float64]:
    """Mean over the neighbouring tenth of the classes (K,), without those that are NaN."""
    window = 2 * max(1, len(values) // (2 * _TREND)) + 1  # as many neighbours on either side
    mean: NDArray[np.float64] = pd.Series(values).rolling(window, center=True, min_periods=1).mean().to_numpy()
    return mean


def log_counts(axes: Axes, counts: Sequence[int], names: Sequence[str]) -> None:
    """Draw the training images per class on a logarithmic axis, and name the classes below.

    Args:
        axes: The lowest panel.
        counts: (K,) in the order drawn.
        names: (K,).
    """
    if len(counts) <= MANY_LABELS:
        bars = axes.bar(range(len(counts)), counts, color=GREY)
        axes.bar_label(bars, [f"{v:,}" for v in counts], fontsize=8, padding=2, color="#333333")
    else:
        axes.stairs(counts, np.arange(len(counts) + 1) - 0.5, fill=True, color=GREY)
    axes.margins(x=0.01)
    axes.set_yscale("log")
    axes.set_ylim(bottom=max(0.5, min(counts) / 3), top=max(counts) * 4)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.minorticks_off()
    axes.set_ylabel("training\nimages (log)")
    axes.set_xlabel("class, from the most to the fewest training images")
    class_ticks(axes, names)
    tidy(axes)


def finish(figure: Figure, title: str, protocol: str) -> None:
    """Give a figure its title and say by which protocol the models were chosen.

    Args:
        figure: The figure.
        title: Over all panels.
        protocol: As the run records it.
    """
    figure.suptitle(title, fontsize=12, fontweight="bold")
    figure.supxlabel(f"protocol: {protocol}", fontsize=8, x=0.99, ha="right")
