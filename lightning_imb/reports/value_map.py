"""The picture of many values at once: a line per row, a column per class or bin."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from lightning_imb.reports.style import MANY_LABELS, class_ticks, new_figure, plain_log_ticks

MAX_LABEL = 32


@dataclass(frozen=True)
class MapLook:
    """How values are shown.

    Attributes:
        title: Above the map.
        values: What they are, beside the scale of colours.
        columns: What the columns are, below them.
        norm: Values to 0..1, white to dark blue.
        text: A value as text.
    """

    title: str
    values: str
    columns: str
    norm: Normalize
    text: Callable[[float], str]


def value_map_figure(lines: Mapping[str, Sequence[float | None]], names: Sequence[str], look: MapLook) -> Figure:
    """Draw values as a map.

    Args:
        lines: (K,) values, None where absent, for each row.
        names: (K,) of the columns.
        look: How they are shown.
    """
    values = np.array(list(lines.values()), dtype=np.float64)
    figure = new_figure(10, 1.7 + (0.34 if len(values) <= MANY_LABELS else 0.22) * len(values))
    axes = figure.subplots()
    axes.set_facecolor("#EEEEEE")  # shows through where a class has no test images
    image = axes.imshow(values, cmap="Blues", norm=look.norm, aspect="auto")  # more classes than dots are averaged
    if len(names) <= MANY_LABELS:
        _write_cells(axes, values, look)
    class_ticks(axes, names)
    axes.set_yticks(range(len(values)), [_short(label) for label in lines], fontsize=9)
    axes.set_xlabel(look.columns)
    axes.set_title(look.title, fontsize=12, fontweight="bold", loc="left")
    axes.spines[:].set_visible(False)
    shrink = min(1.0, MANY_LABELS / len(values))
    bar = figure.colorbar(image, ax=axes, label=look.values, shrink=shrink, anchor=(0, 1))
    bar.outline.set_visible(False)
    if isinstance(look.norm, LogNorm):
        low, high = image.get_clim()
        plain_log_ticks(bar.ax.yaxis, high / low)
    return figure


def _write_cells(axes: Axes, values: np.ndarray, look: MapLook) -> None:
    for (i, j), value in np.ndenumerate(values):
        text = "n/a" if np.isnan(value) else look.text(value)
        dark = not np.isnan(value) and float(look.norm(value)) > 0.55
        axes.text(j, i, text, ha="center", va="center", fontsize=8, color="white" if dark else "#222222")


def _short(label: str) -> str:
    return label if len(label) <= MAX_LABEL else f"{label[: MAX_LABEL - 1]}…"
