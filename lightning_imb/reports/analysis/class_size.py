"""A mark per class, by its number of training images."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from lightning_imb.reports.style import DENSE_CLASSES


def class_size_axis(axes: Axes) -> None:
    """Make x the number of training images of a class, with plain numbers on a logarithmic scale."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel("training images of the class (logarithmic)")


def marks_for(classes: int) -> dict[str, Any]:
    """How marks of so many classes are drawn: of many, small and faint, so that they add up where they are dense."""
    few = classes <= DENSE_CLASSES
    return {
        "markersize": 7 if few else 5,
        "markeredgewidth": 0,
        "alpha": 1 if few else max(0.25, DENSE_CLASSES / classes),
    }
