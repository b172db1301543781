"""The picture of how many top features pairs share: of classes, or of models."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lightning_imb.reports.style import MANY_LABELS, class_ticks, new_figure


def overlap_figure(matrix: NDArray[np.float64], names: Sequence[str], title: str, what: str) -> Figure:
    """Draw a matrix of overlaps.

    Args:
        matrix: (M, M) in [0, 1]; NaN is grey. Put it where something meets itself, which would outshine all else.
        names: (M,) names of rows and columns.
        title: Title of the figure.
        what: What a row is, such as ``class, largest first``.
    """
    many = len(names)
    figure = new_figure(8.4, 7.2)
    axes = figure.subplots()
    axes.set_facecolor("#EEEEEE")
    highest = float(np.nanmax(matrix)) if np.isfinite(matrix).any() else 1.0
    image = axes.imshow(matrix, cmap="Blues", vmin=0, vmax=highest or 1.0, interpolation="nearest")
    if many <= MANY_LABELS:
        _write_cells(axes, matrix, highest)
    class_ticks(axes, names, "x")
    class_ticks(axes, names, "y")
    axes.set(xlabel=what, ylabel=what)
    axes.set_title(title, fontsize=12, fontweight="bold", loc="left")
    axes.spines[:].set_visible(False)
    label = "shared part of the top features" + (" (cells in %)" if many <= MANY_LABELS else "")
    figure.colorbar(image, ax=axes, shrink=0.85, label=label).outline.set_visible(False)
    return figure


def _write_cells(axes: Axes, matrix: NDArray[np.float64], highest: float) -> None:
    digits, size = 0 if highest >= 0.1 else 1, 9 if len(matrix) <= 10 else 6.5
    for (i, j), value in np.ndenumerate(matrix):
        if value > 0:
            colour = "white" if value > 0.6 * highest else "#222222"
            axes.text(j, i, f"{100 * value:.{digits}f}", ha="center", va="center", fontsize=size, color=colour)
