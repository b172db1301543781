"""The picture of the weight norms of a head."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from numpy.typing import NDArray

from lightning_imb.reports.analysis.class_panels import class_values, log_counts
from lightning_imb.reports.confusion import head_to_tail
from lightning_imb.reports.style import new_figure


def head_norms_figure(norms: Mapping[str, NDArray[Any]], names: Sequence[str], counts: Sequence[int]) -> Figure:
    """Draw the length of each class's weight vector above its training images.

    Args:
        norms: (K,) of each head, by its label.
        names: (K,) class names.
        counts: (K,) training images per class.
    """
    order = head_to_tail(counts)
    figure = new_figure(10, 5)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[2.6, 1])
    class_values(upper, {label: values[order] for label, values in norms.items()})
    upper.set_ylim(bottom=0)
    upper.set_ylabel("length of the weight vector")
    upper.legend(frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(0, 1))
    log_counts(lower, [counts[k] for k in order], [names[k] for k in order])
    figure.suptitle("Weight vectors of the head, class by class", fontsize=12, fontweight="bold")
    return figure
