"""The picture of the images per class."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightning_imb.reports.confusion import head_to_tail
from lightning_imb.reports.header import SAMPLES, imbalance_ratio
from lightning_imb.reports.style import BLUE, DENSE_CLASSES, MANY_LABELS, class_ticks, new_figure, tidy
from lightning_imb.reports.task import Unit


def class_counts_figure(
    counts: Mapping[str, Sequence[int]], names: Sequence[str], title: str, unit: Unit = "class"
) -> Figure:
    """Draw the images per class, or the samples per bin, one panel per split.

    Args:
        counts: (K,) images per class for each split; the first split is drawn largest. Above 200 classes its
            counts order the classes, from the most to the fewest: else neighbours blur into each other. Bins keep
            their order.
        names: (K,) class names.
        title: Title of the figure.
        unit: What is counted in.
    """
    ranked = unit == "class" and len(names) > DENSE_CLASSES
    order = head_to_tail(next(iter(counts.values()))) if ranked else range(len(names))
    samples = SAMPLES[unit]
    figure = new_figure(10, 2.6 + 1.6 * (len(counts) - 1))
    ratios = [2.0] + [1.0] * (len(counts) - 1)
    panels = figure.subplots(len(counts), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
    for axes, (split, values) in zip(panels, counts.items(), strict=True):
        count_bars(axes, [values[k] for k in order], BLUE)
        axes.margins(x=0.01, y=0.18)
        axes.set_ylabel(samples)
        ratio = imbalance_ratio(values, unit)
        axes.set_title(f"{split}: {sum(values):,} {samples}, ratio {ratio}", loc="left", fontsize=10)
        tidy(axes)
    class_ticks(panels[-1], [names[k] for k in order])
    panels[-1].set_xlabel("class, from the most to the fewest images" if ranked else unit)
    figure.suptitle(title, fontsize=12, fontweight="bold")
    return figure


def count_bars(axes: Axes, counts: Sequence[int], colour: str) -> None:
    """Bars with their numbers or, of many classes, one outline: thousands of bars take seconds to draw."""
    if len(counts) <= MANY_LABELS:
        bars = axes.bar(range(len(counts)), counts, color=colour)
        axes.bar_label(bars, [f"{v:,}" for v in counts], fontsize=8, padding=2, color="#333333")
    else:
        axes.stairs(counts, np.arange(len(counts) + 1) - 0.5, fill=True, color=colour)
