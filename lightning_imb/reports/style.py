"""How every figure looks: size, colours, ticks."""

from collections.abc import Sequence
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Okabe and Ito (2008): told apart by readers with any common colour blindness
BLUE, ORANGE, GREEN, GREY, SKY = "#0072B2", "#E69F00", "#009E73", "#7A7A7A", "#56B4E9"
SERIES = (GREY, BLUE, ORANGE, GREEN)
MORE = ("#D55E00", "#CC79A7", SKY, "#222222")  # for up to eight lines in one panel

MANY_LABELS = 20  # beyond this there is no room for a number per class
DENSE_CLASSES = 200  # beyond this a class is narrower than two dots
MAX_TICKS = 25
DPI = 120
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
