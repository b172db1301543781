"""How every figure looks: size, colours, ticks."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

# Okabe and Ito (2008): told apart by readers with any common colour blindness
BLUE, ORANGE, GREEN, GREY, SKY = "#0072B2", "#E69F00", "#009E73", "#7A7A7A", "#56B4E9"
SERIES = (GREY, BLUE, ORANGE, GREEN)
MORE = ("#D55E00", "#CC79A7", SKY, "#222222")  # for up to eight lines in one panel

MANY_LABELS = 20  # beyond this there is no room for a number per class
DENSE_CLASSES = 200  # beyond this a class is narrower than two dots
MAX_TICKS = 25
DPI = 120
WIDE = 10.0  # largest over smallest value from which an axis is logarithmic
PIXELS_PER_CHARACTER = 12  # at this resolution, with the space between labels


def new_figure(width: float, height: float) -> Figure:
    """Make a figure without pyplot, so that nothing global holds on to it.

    Args:
        width: Inches.
        height: Inches.
    """
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def tidy(axes: Axes, grid: Literal["x", "y", "both"] = "y") -> None:
    """Take away the frame and put a faint grid behind the data."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=grid, color="#E3E3E3", linewidth=0.8)
    axes.set_axisbelow(True)


def log_if_wide(*panels: Axes) -> None:
    """Make vertical axes logarithmic where their lines span more than a factor of ten, else let them begin at zero.

    Args:
        panels: Axes that are to have the same scale.
    """
    lines = [line for axes in panels for line in axes.lines]
    values = np.concatenate([np.zeros(0), *(np.asarray(line.get_ydata(), dtype=np.float64) for line in lines)])
    positive = values[values > 0]
    for axes in panels:
        if positive.size and (span := positive.max() / positive.min()) > WIDE:
            axes.set_yscale("log")
            plain_log_ticks(axes.yaxis, span)
        else:
            axes.set_ylim(bottom=0)


def plain_log_ticks(axis: Axis, span: float) -> None:
    """Label a logarithmic axis with plain numbers: powers of ten as mathematical text stay raw in an html page.

    Args:
        axis: The axis.
        span: Largest over smallest value on it.
    """
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if span < WIDE**2 else (1.0,)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def class_ticks(axes: Axes, labels: Sequence[str], axis: Literal["x", "y"] = "x") -> None:
    """Label one axis with classes at 0..K-1: every label while they fit, else every few classes.

    Args:
        axes: The axes.
        labels: (K,) one per class; long ones are cut.
        axis: Which axis.
    """
    stride = -(-len(labels) // MAX_TICKS)
    ticks = list(range(0, len(labels), stride))
    shown = [short_name(labels[tick]) for tick in ticks]
    size = 9 if len(shown) <= 12 else 7.5
    if axis == "y":
        axes.set_yticks(ticks, shown, fontsize=size, parse_math=False)  # a name such as $a is no formula
        return
    longest = max(map(len, shown), default=0)
    room = axes.figure.bbox.width / PIXELS_PER_CHARACTER
    if longest * len(shown) > room:
        axes.set_xticks(ticks, shown, rotation=45, ha="right", rotation_mode="anchor", fontsize=size, parse_math=False)
    else:
        axes.set_xticks(ticks, shown, fontsize=size, parse_math=False)


def short_name(label: str, length: int = 18) -> str:
    """Take out the middle: names of one family tend to differ at their ends."""
    half = length // 2
    return label if len(label) <= length else f"{label[: half - 1]}…{label[-half:]}"


def colours(count: int) -> tuple[str, ...]:
    """Colours of lines in one panel: a single one has the main colour, the first of several is the muted one.

    Args:
        count: How many lines, at most eight.
    """
    return (BLUE,) if count == 1 else (*SERIES, *MORE)[:count]
