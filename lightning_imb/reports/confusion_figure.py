"""The picture of a confusion matrix."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightning_imb.reports.confusion import row_shares
from lightning_imb.reports.style import MANY_LABELS, class_ticks, new_figure


def confusion_figure(
    confusion: np.ndarray, names: Sequence[str], title: str = "Confusion", what: str = "class"
) -> Figure:
    """Draw a confusion matrix as shares of the true class, so that rare classes show like common ones.

    Args:
        confusion: (K, K) counts, true class in rows.
        names: (K,) class names in the same order.
        title: Title of the figure.
        what: What a row stands for.
    """
    shares = row_shares(confusion)
    figure = new_figure(8.4, 7.2)
    axes = figure.subplots()
    axes.set_facecolor("#EEEEEE")  # shows through in the rows of absent classes
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    if len(names) <= MANY_LABELS:
        _write_cells(axes, shares)
    class_ticks(axes, names, "x")
    class_ticks(axes, names, "y")
    axes.set(xlabel=f"predicted {what}", ylabel=f"true {what}")
    axes.set_title(title, fontsize=12, fontweight="bold", loc="left")
    axes.spines[:].set_visible(False)
    label = f"share of the true {what.partition(' ')[0]}"
    figure.colorbar(image, ax=axes, shrink=0.85, label=label).outline.set_visible(False)
    return figure


def _write_cells(axes: Axes, shares: np.ndarray) -> None:
    size = 9 if len(shares) <= 10 else 6.5
    for (i, j), share in np.ndenumerate(shares):
        if share >= 0.005:  # what would read "0" is noise to the eye
            colour = "white" if share > 0.55 else "#222222"
            axes.text(j, i, f"{100 * share:.0f}", ha="center", va="center", fontsize=size, color=colour)
