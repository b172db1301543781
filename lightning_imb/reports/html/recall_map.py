"""The picture of many recalls at once."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lightning_imb.reports.confusion import head_to_tail
from lightning_imb.reports.style import MANY_LABELS, class_ticks, new_figure

MAX_LABEL = 32


def recall_map_figure(
    recalls: Mapping[str, Sequence[float | None]], names: Sequence[str], counts: Sequence[int] | None
) -> Figure:
    """Draw the recall of each class as a map: a line per row, a column per class from head to tail.

    Args:
        recalls: (K,) recall in [0, 1] per class, None where absent, for each row.
        names: (K,) class names.
        counts: (K,) training images per class; None where the rows differ in them: classes keep their order.
    """
    order = head_to_tail(counts) if counts else range(len(names))
    values = np.array([[line[k] for k in order] for line in recalls.values()], dtype=np.float64)
    figure = new_figure(10, 1.7 + (0.34 if len(values) <= MANY_LABELS else 0.22) * len(values))
    axes = figure.subplots()
    axes.set_facecolor("#EEEEEE")  # shows through where a class has no test images
    image = axes.imshow(values, cmap="Blues", vmin=0, vmax=1, aspect="auto")  # more classes than dots are averaged
    if len(names) <= MANY_LABELS:
        _write_cells(axes, values)
    class_ticks(axes, [names[k] for k in order])
    axes.set_yticks(range(len(values)), [_short(label) for label in recalls], fontsize=9)
    axes.set_xlabel("class, from the most to the fewest training images" if counts else "class")
    axes.set_title("Recall per class", fontsize=12, fontweight="bold", loc="left")
    axes.spines[:].set_visible(False)
    shrink = min(1.0, MANY_LABELS / len(values))
    bar = figure.colorbar(image, ax=axes, label="recall", shrink=shrink, anchor=(0, 1))
    bar.outline.set_visible(False)
    return figure


def _write_cells(axes: Axes, values: np.ndarray) -> None:
    for (i, j), value in np.ndenumerate(values):
        text, colour = ("n/a" if np.isnan(value) else f"{value:.2f}"), ("white" if value > 0.55 else "#222222")
        axes.text(j, i, text, ha="center", va="center", fontsize=8, color=colour)


def _short(label: str) -> str:
    return label if len(label) <= MAX_LABEL else f"{label[: MAX_LABEL - 1]}…"
