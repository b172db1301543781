"""The pictures of the progress of training under several kinds of imbalance, side by side."""

import textwrap
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from lightning_imb.reports.curves import Row, curve
from lightning_imb.reports.progress_figure import PANELS, PREFIX, STYLES
from lightning_imb.reports.style import colours, new_figure, tidy

_SHARES = ("recall", "minor_to_major")
_SPLIT = ("recall", "gradient")  # those that major and minor classes have each of their own
_WIDE = 10.0  # largest over smallest value from which an axis is logarithmic


def progress_settings_figure(settings: Mapping[str, Mapping[str, Sequence[Row]]]) -> Figure:
    """Draw one column per kind of imbalance and one row per quantity; a label has the same colour in all columns.

    Args:
        settings: By kind of imbalance: rows of phase 1 of the csv file, or means over runs, of each label; at most
            eight labels in all.
    """
    labels = list(dict.fromkeys(label for runs in settings.values() for label in runs))
    colour = dict(zip(labels, colours(len(labels)), strict=True))
    figure = new_figure(1 + 4.6 * len(settings), 10)
    figure.suptitle("Progress of training: major classes solid, minor classes dashed", fontsize=12, fontweight="bold")
    grid = figure.subplots(len(PANELS), len(settings), sharex="col", sharey="row", squeeze=False)
    for column, (setting, runs) in enumerate(settings.items()):
        for name, axes in zip(PANELS, grid[:, column], strict=True):
            _panel(axes, name, runs, colour)
        grid[0, column].set_title(setting, fontsize=11, fontweight="bold", loc="left")
        grid[-1, column].set_xlabel("epoch")
    for (name, text), (first, *_) in zip(PANELS.items(), grid, strict=True):
        first.set_ylabel(textwrap.fill(text, 26))
        _scale(first, name)
    handles = [Line2D([], [], color=colour[label], linewidth=2, label=label) for label in labels]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(4, len(labels)), frameon=False, fontsize=9)
    return figure


def _panel(axes: Axes, name: str, runs: Mapping[str, Sequence[Row]], colour: Mapping[str, str]) -> None:
    for label, rows in runs.items():
        styles = {f"{name}_{group}": style for group, style in STYLES.items()} if name in _SPLIT else {name: "-"}
        for metric, style in styles.items():
            if points := curve(rows, PREFIX + metric):
                epochs = [epoch + 1 for epoch in points]
                marker = "o" if len(points) == 1 else None  # a line of one point is nothing to see
                axes.plot(epochs, list(points.values()), color=colour[label], ls=style, lw=2, marker=marker)
    if not axes.lines:
        axes.text(0.5, 0.5, "not recorded", transform=axes.transAxes, ha="center", color="#777777")
    if name == "gradient_ratio":
        axes.axhline(1, color="#333333", linewidth=1, linestyle=":", zorder=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    tidy(axes, "both")


def _scale(axes: Axes, name: str) -> None:
    """Scale a whole row, whose axes share it."""
    if name in _SHARES:
        axes.set_ylim(0, 1.02)
        return
    low, high = axes.dataLim.minposy, axes.dataLim.y1
    if high > _WIDE * low:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter("{x:g}")  # powers of ten as mathematical text stay raw in an html page
    else:
        axes.set_ylim(bottom=0)
