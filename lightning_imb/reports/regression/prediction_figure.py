"""The picture of predictions against targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lightning_imb.reports.style import ORANGE, new_figure, plain_log_ticks, tidy
from lightning_imb.utils.target_bins import TargetBins

CELLS = 60  # along an axis
SHADES = LinearSegmentedColormap.from_list("few to many", ["#B5D3EC", "#08306B"])  # one sample can be seen on white
INK = "#333333"


@dataclass(frozen=True)
class Predicted:
    """What a model said about the test set.

    Attributes:
        predictions: (N,) numbers.
        targets: (N,) what they should have been.
        bias: (B,) mean of prediction - target in each bin, None where a bin has no test samples.
    """

    predictions: NDArray[np.float32]
    targets: NDArray[np.float32]
    bias: Sequence[float | None]


def prediction_figure(models: Mapping[str, Predicted], edges: Sequence[float], target: str) -> Figure:
    """Draw how many test samples have which target and prediction, and the mean prediction along the targets.

    Args:
        models: What is drawn, by the name of the model, side by side on the same axes.
        edges: (B + 1,) of the bins.
        target: Name of the target.
    """
    figure = new_figure(1.2 + 4.8 * len(models), 5.0)
    panels = figure.subplots(1, len(models), squeeze=False, sharex=True, sharey=True)[0]
    low, high = _range(models)
    drawn = []
    for axes, (label, model) in zip(panels, models.items(), strict=True):
        drawn.append(_draw_samples(axes, model, low, high))
        _draw_bias(axes, edges, model.bias)
        axes.plot([low, high], [low, high], color=INK, linestyle="--", linewidth=1, label="prediction = target")
        axes.set_title(label, fontsize=11, fontweight="bold", loc="left")
        axes.set_xlabel(f"true {target}")
        tidy(axes, "both")
    panels[0].set_ylabel(f"predicted {target}")
    _draw_scale(figure, panels[-1], drawn)
    handles = panels[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return figure


def _draw_samples(axes: Axes, model: Predicted, low: float, high: float) -> PolyCollection:
    extent = (low, high, low, high)
    return axes.hexbin(model.targets, model.predictions, gridsize=CELLS, mincnt=1, cmap=SHADES, extent=extent)


def _draw_scale(figure: Figure, beside: Axes, drawn: Sequence[PolyCollection]) -> None:
    """One scale for all panels: logarithmic, for a model that is right piles its samples up."""
    most = max(2.0, *(np.asarray(cells.get_array(), dtype=np.float64).max() for cells in drawn))
    for cells in drawn:
        cells.set_norm(LogNorm(1, most))
    bar = figure.colorbar(drawn[-1], ax=beside, label="test samples")
    plain_log_ticks(bar.ax.yaxis, most)
    bar.outline.set_visible(False)


def _draw_bias(axes: Axes, edges: Sequence[float], bias: Sequence[float | None]) -> None:
    centres = TargetBins(tuple(edges)).centres
    means = centres + np.array(bias, dtype=np.float64)
    label = "mean prediction of a bin (its centre + bias)"
    (line,) = axes.plot(centres, means, color=ORANGE, linewidth=2, label=label)
    line.set(marker="o", markersize=4.5, markeredgecolor="white")


def _range(models: Mapping[str, Predicted]) -> tuple[float, float]:
    """Ends of both axes, with a little room."""
    values = np.concatenate([part for model in models.values() for part in (model.predictions, model.targets)])
    low, high = float(values.min()), float(values.max())
    room = 0.02 * (high - low) or 1.0
    return low - room, high + room
