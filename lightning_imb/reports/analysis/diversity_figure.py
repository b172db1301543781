"""Pictures of the diversity of each class's features."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lightning_imb.reports.analysis.class_panels import class_values
from lightning_imb.reports.analysis.class_size import class_size_axis, marks_for
from lightning_imb.reports.analysis.point_labels import label_points
from lightning_imb.reports.confusion import head_to_tail
from lightning_imb.reports.style import BLUE, MANY_LABELS, class_ticks, new_figure, tidy


def diversity_figure(
    diversity: NDArray[np.float64],
    recall: NDArray[np.float64],
    names: Sequence[str],
    counts: Sequence[int],
    ranks: tuple[float, float],
    what: str,
) -> Figure:
    """Draw the effective number of features of each class against its size and against its recall.

    Args:
        diversity: (C,) effective number of features; NaN where not defined.
        recall: (C,) on test, in [0, 1]; NaN where not defined.
        names: (C,) class names.
        counts: (C,) training images per class.
        ranks: Rank correlation of the diversity with the size, and with the recall; NaN where not defined.
        what: Whose features, such as ``classification embeddings``.
    """
    figure = new_figure(11, 4.8)
    left, right = figure.subplots(1, 2, sharey=True)
    _scatter(left, np.asarray(counts, dtype=np.float64), diversity, ranks[0])
    class_size_axis(left)
    left.set_ylabel("effective number of features")
    _scatter(right, recall, diversity, ranks[1])
    right.set_xlabel("recall of the class on test")
    figure.suptitle(f"Diversity of {what}, training images", fontsize=12, fontweight="bold")
    if len(names) <= MANY_LABELS:
        for axes, x in ((left, counts), (right, recall)):
            label_points(axes, list(zip(map(float, x), diversity.tolist(), names, strict=True)))
    return figure


def _scatter(axes: Axes, x: NDArray[np.float64], y: NDArray[np.float64], correlation: float) -> None:
    axes.plot(x, y, "o", color=BLUE, **marks_for(len(y)))
    shown = "not defined" if np.isnan(correlation) else f"{correlation:+.2f}"
    axes.set_title(f"rank correlation {shown}", fontsize=10, loc="left")
    axes.margins(0.1, 0.12)
    tidy(axes, "both")


def measures_by_class_figure(
    panels: Mapping[str, Mapping[str, NDArray[np.float64]]], names: Sequence[str], counts: Sequence[int], title: str
) -> Figure:
    """Draw measures of the classes of several models, one panel per measure.

    Args:
        panels: For each measure, by its name on the axis, (C,) values of each model, at most eight; NaN leaves a hole.
        names: (C,) class names.
        counts: (C,) training images per class; they order the classes.
        title: Title of the figure.
    """
    order = head_to_tail(counts)
    figure = new_figure(10, 1.4 + 2.4 * len(panels))
    for axes, (measure, models) in zip(
        figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0], panels.items(), strict=True
    ):
        class_values(axes, {model: values[order] for model, values in models.items()})
        axes.set_ylabel(measure)
    class_ticks(axes, [names[c] for c in order])
    axes.set_xlabel("class, from the most to the fewest training images")
    figure.suptitle(title, fontsize=12, fontweight="bold")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return figure
