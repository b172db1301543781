"""Pictures of the magnitude of each class's top features in train and in test."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lightning_imb.reports.analysis.class_panels import class_values
from lightning_imb.reports.analysis.class_size import class_size_axis, marks_for
from lightning_imb.reports.analysis.point_labels import label_points
from lightning_imb.reports.confusion import head_to_tail
from lightning_imb.reports.style import BLUE, MANY_LABELS, ORANGE, class_ticks, new_figure, tidy

_PARTS = ("train, true positives", "test, true positives", "test, false negatives")


def magnitude_figure(
    magnitudes: Sequence[NDArray[np.float64]], names: Sequence[str], counts: Sequence[int], what: str, top: int
) -> Figure:
    """Draw the mean magnitude of each class's top features, which training fixes, as three bars per class.

    Args:
        magnitudes: (C,) each: true positives of training, true positives and false negatives of test; NaN where none.
        names: (C,) class names.
        counts: (C,) training images per class; they order the classes.
        what: Whose magnitude it is, such as ``classification embeddings``.
        top: K.
    """
    order = head_to_tail(counts)
    figure = new_figure(10, 4.8)
    axes = figure.subplots()
    class_values(axes, {part: values[order] for part, values in zip(_PARTS, magnitudes, strict=True)})
    axes.set_title(f"Magnitude of {what} at the top {top} features", fontsize=12, fontweight="bold", loc="left")
    axes.set_ylabel("mean magnitude")
    axes.set_xlabel("class, from the most to the fewest training images")
    figure.legend(frameon=False, fontsize=9, ncols=3, loc="outside lower center")
    class_ticks(axes, [names[c] for c in order])
    return figure


def match_figure(
    log_ratio: Mapping[str, NDArray[np.float64]], names: Sequence[str], counts: Sequence[int], what: str
) -> Figure:
    """Draw how much stronger or weaker each class's top features are in test than in training, against its size.

    Args:
        log_ratio: (C,) mean over the top features of log R_c for each of two parts of the test rows; NaN where not
            defined.
        names: (C,) class names.
        counts: (C,) training images per class.
        what: Whose magnitude it is, such as ``classification embeddings``.
    """
    figure = new_figure(10, 4.8)
    axes = figure.subplots()
    for (part, values), colour, marker in zip(log_ratio.items(), (BLUE, ORANGE), ("o", "s"), strict=True):
        axes.plot(counts, np.exp(values), marker, color=colour, label=part, **marks_for(len(values)))
    axes.axhline(1, color="#555555", linewidth=1, linestyle="--", zorder=0)
    axes.set_title(f"Test against training: magnitude of {what}", fontsize=12, fontweight="bold", loc="left")
    axes.set_ylabel("R = test / training true positives\n(geometric mean over the top features)")
    class_size_axis(axes)
    axes.margins(x=0.08, y=0.12)
    tidy(axes, "both")
    legend = figure.legend(frameon=False, fontsize=9, ncols=2, loc="outside lower center")
    for handle in legend.legend_handles:
        if handle is not None:
            handle.set_alpha(1)
    if len(names) <= MANY_LABELS:
        right, wrong = log_ratio.values()
        named = np.exp(np.where(np.isnan(right), wrong, right))  # the two marks of a class stand above each other
        label_points(axes, list(zip(map(float, counts), named.tolist(), names, strict=True)))
    return figure
