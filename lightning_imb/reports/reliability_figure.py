"""The picture of calibration: accuracy by confidence."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from lightning_imb.reports.style import BLUE, GREY, ORANGE, SKY, new_figure, tidy

Bin = Sequence[float | None]
TITLE_WIDTH = 42  # characters that fit above a panel
LEGEND = {"accuracy": BLUE, "accuracy above confidence": SKY, "confidence above accuracy": ORANGE}


class Calibrated(NamedTuple):
    """What is drawn of a model.

    Attributes:
        bins: (M, 3) samples, mean confidence and accuracy of each bin from 0 to 1, as ``test/reliability`` of
            ``metrics.json``; the means are None where a bin has no samples.
        ece: Its expected calibration error, as text.
    """

    bins: Sequence[Bin]
    ece: str


def reliability_figure(models: Mapping[str, Calibrated]) -> Figure:
    """Draw accuracy by confidence, the gap between the two, and how often each confidence occurs.

    Args:
        models: What is drawn, by the name of the model, side by side.
    """
    figure = new_figure(0.6 + 4.2 * len(models), 5.6)
    panels = figure.subplots(2, len(models), squeeze=False, sharex=True, sharey="row", height_ratios=[3, 1])
    for column, (label, model) in enumerate(models.items()):
        upper, lower = panels[:, column]
        values = np.array(model.bins, dtype=np.float64)
        _accuracy(upper, values)
        _histogram(lower, values[:, 0])
        title = textwrap.fill(f"{label}: ECE {model.ece}", TITLE_WIDTH)
        upper.set_title(title, loc="left", fontsize=11, fontweight="bold")
        lower.set_xlabel("confidence")
    panels[0, 0].set_ylabel("accuracy")
    panels[1, 0].set_ylabel("share of\npredictions")
    handles = [Patch(color=colour, label=label) for label, colour in LEGEND.items()]
    figure.legend(
        handles=handles, loc="outside upper left", ncols=3 if len(models) > 1 else 2, frameon=False, fontsize=9
    )
    return figure


def _accuracy(axes: Axes, values: np.ndarray) -> None:
    edges = np.linspace(0, 1, len(values) + 1)
    _, confidence, accuracy = values.T
    there = ~np.isnan(accuracy)
    left, width = edges[:-1], np.diff(edges)[0]
    low = np.minimum(confidence, accuracy)
    axes.bar(left, low, width, align="edge", color=BLUE, edgecolor="white")
    for top, colour in ((accuracy, SKY), (confidence, ORANGE)):
        at = there & (top > low)
        axes.bar(left[at], (top - low)[at], width, low[at], align="edge", color=colour, edgecolor="white")
    axes.plot([0, 1], [0, 1], color="#333333", linewidth=1, linestyle="--")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    tidy(axes)


def _histogram(axes: Axes, samples: np.ndarray) -> None:
    axes.stairs(samples / samples.sum(), np.linspace(0, 1, len(samples) + 1), fill=True, color=GREY)
    tidy(axes)
