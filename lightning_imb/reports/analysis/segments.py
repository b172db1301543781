"""Horizontal bars made of segments, each with the index of a feature in it."""

from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lightning_imb.reports.style import class_ticks, tidy

_TEXT = 7.0  # points
_POINTS_PER_DIGIT = 0.62 * _TEXT


def segment_bars(
    axes: Axes,
    widths: NDArray[np.float64],
    features: NDArray[np.int64],
    colour: Callable[[int, int], str],
    names: Sequence[str],
) -> None:
    """Draw a bar per class, from the top down, and write the index of its feature into each segment that has room.

    Args:
        axes: Where to draw; its labels and the legend of the figure stand already, because they take room.
        widths: (C, K) of the segments; NaN ones are left out.
        features: (C, K) feature indices.
        colour: Of the segment of a row and a column.
        names: (C,) of the classes.
    """
    ends = np.nancumsum(widths, axis=1)
    axes.set(xlim=(0, 1.01 * ends.max(initial=0) or 1), ylim=(len(widths) - 0.4, -0.6))
    tidy(axes, "x")
    class_ticks(axes, names, "y")
    room = _points_per_unit(axes)
    for (row, column), width in np.ndenumerate(widths):
        if width > 0:
            face, end, text = colour(row, column), float(ends[row, column]), str(features[row, column])
            axes.barh(row, width, left=end - width, height=0.78, color=face, edgecolor="white", linewidth=0.8)
            if len(text) * _POINTS_PER_DIGIT + 3 < width * room:
                middle = end - width / 2
                axes.text(middle, row, text, ha="center", va="center", fontsize=_TEXT, color=readable_on(face))
    for row in np.flatnonzero(np.isnan(widths).all(axis=1)).tolist():
        side = axes.get_yaxis_transform()
        axes.text(0.01, row, "not defined", va="center", fontsize=_TEXT, color="#777777", transform=side)


def _points_per_unit(axes: Axes) -> float:
    figure = cast(Figure, axes.figure)
    figure.draw_without_rendering()  # the layout decides how wide the axes are
    low, high = axes.get_xlim()
    return float(axes.get_window_extent().width / figure.dpi * 72 / (high - low))


def readable_on(face: str) -> str:
    """White on dark colours, black on light ones."""
    red, green, blue = (int(face[i : i + 2], 16) for i in (1, 3, 5))
    return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 140 else "#222222"
