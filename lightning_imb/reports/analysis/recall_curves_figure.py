"""The picture of how the classes are learned, from the recalls that every log holds."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lightning_imb.reports.progress_figure import GROUPS
from lightning_imb.reports.style import new_figure, tidy


def recall_curves_figure(
    classes: Mapping[int, Mapping[int, float]],
    groups: Mapping[str, Mapping[int, float]],
    counts: Sequence[int],
    split: str,
) -> Figure:
    """Draw the recall over the epochs: each class as a thin line, coloured by its frequency, means of groups as thick.

    Args:
        classes: Recall by epoch, counted from 0, of each class that was logged.
        groups: Mean recall by epoch of ``major``, ``middle`` and ``minor`` classes.
        counts: (K,) training images per class, of which the colours are made.
        split: Whose recall it is, for the axis.
    """
    figure = new_figure(8, 4.4)
    axes = figure.subplots()
    epochs = {epoch for points in (*classes.values(), *groups.values()) for epoch in points}
    marker = "o" if len(epochs) <= 15 else None  # few looks: say where they were
    for points, colour in zip(classes.values(), _shades(list(classes), counts), strict=True):
        x, y = _line(points)
        axes.plot(x, y, color=colour, linewidth=0.9, alpha=0.6, marker=marker, markersize=3)
    for group, points in groups.items():
        if points:
            x, y = _line(points)
            axes.plot(x, y, color=GROUPS[group], linewidth=2.6, marker=marker, label=group)
    axes.set_title("Recall by epoch: single classes thin, means over classes thick", fontsize=12, fontweight="bold")
    axes.set(xlabel="epoch of phase 1", ylabel=f"recall, {split} images", ylim=(0, 1.02))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))
    tidy(axes, "both")
    return figure


def _line(points: Mapping[int, float]) -> tuple[list[int], list[float]]:
    return [epoch + 1 for epoch in points], list(points.values())


def _shades(classes: Sequence[int], counts: Sequence[int]) -> list[tuple[float, ...]]:
    tail = np.log(max(counts)) - np.log([counts[c] for c in classes])
    shades = LinearSegmentedColormap.from_list("head to tail", list(GROUPS.values()))
    return [tuple(colour) for colour in shades(tail / max(np.ptp(np.log(counts)), 1e-9))]
