"""The picture of embeddings on a plane, with the decision regions around them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from lightning_imb.reports.style import BLUE, GREEN, GREY, MORE, ORANGE, new_figure

CLASS_COLOURS = (BLUE, ORANGE, GREEN, *MORE[:2])
MAX_CLASSES = len(CLASS_COLOURS)

KINDS = {"test": ("o", 9), "synthetic": ("x", 14), "train": ("o", 16)}
"""Marker and size of each kind of points, those above all others last."""

_CALLED = {"train": "training image", "test": "test image", "synthetic": "synthetic"}
_TINT = 0.28  # of the class colour in its region; the rest is white
_OTHERS = "#DDDDDD"
_LONG = 20  # characters of a class name from which fewer of them stand side by side


def embedding_map_figure(
    points: pd.DataFrame,
    regions: Mapping[str, NDArray[np.int64]],
    extent: tuple[float, float, float, float],
    names: Sequence[str],
    protocol: str,
) -> Figure:
    """Draw the same points once per model, on the regions in which that model answers with each class.

    Args:
        points: One row per point: ``x``, ``y``, ``kind`` (``train``, ``test`` or ``synthetic``) and ``shown``, the
            position of its class among ``names``.
        regions: By model: (H, W) position of the answer among ``names``, ``len(names)`` for any other class, -1 where
            nothing is known.
        extent: Left, right, bottom and top of the regions, in the units of x and y.
        names: The classes shown, at most five.
        protocol: As the run records it.
    """
    figure = new_figure(max(6.4, 5.6 * len(regions)), 6.2)
    panels = figure.subplots(1, len(regions), squeeze=False)[0]
    for axes, (label, cells) in zip(panels, regions.items(), strict=True):
        _colour(axes, cells, extent, len(names))
        _scatter(axes, points)
        axes.set_title(label, fontsize=10.5, loc="left")
        axes.set(xticks=[], yticks=[], xlim=extent[:2], ylim=extent[2:])
        axes.set_xlabel("position on the map (no unit)", fontsize=8.5)
        axes.spines[:].set_color("#BBBBBB")
    others = any((cells == len(names)).any() for cells in regions.values())
    ncols = 4 if max(map(len, names)) < _LONG else 2
    handles = _handles(points, names, others)
    legend = figure.legend(handles=handles, loc="outside lower center", ncols=ncols, frameon=False, fontsize=9)
    for text in legend.get_texts():
        text.set_parse_math(False)  # a name such as $a is no formula
    figure.suptitle("Embeddings on a plane, and what the head answers around them", fontsize=12, fontweight="bold")
    figure.text(0.995, 0.005, f"protocol: {protocol}", fontsize=8, ha="right", va="bottom")
    return figure


def _colour(axes: Axes, cells: NDArray[np.int64], extent: tuple[float, float, float, float], classes: int) -> None:
    tints = [tuple(_TINT * part + 1 - _TINT for part in to_rgb(colour)) for colour in CLASS_COLOURS[:classes]]
    palette = ListedColormap([(1.0, 1.0, 1.0), *tints, to_rgb(_OTHERS)])
    axes.imshow(
        cells,
        cmap=palette,
        vmin=-1.5,
        vmax=classes + 0.5,
        extent=extent,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
    )


def _scatter(axes: Axes, points: pd.DataFrame) -> None:
    for order, (kind, (marker, size)) in enumerate(KINDS.items()):
        chosen = points[points["kind"] == kind]
        colours = [CLASS_COLOURS[position] for position in chosen["shown"]]
        face: Any = "white" if kind == "test" else colours
        edge: Any = colours if kind == "test" else "#222222"
        lines = {"linewidths": 0.9} if marker == "x" else {"edgecolors": edge, "linewidths": 0.6}
        axes.scatter(chosen["x"], chosen["y"], s=size, c=face, marker=marker, zorder=2 + order, **lines)


def _handles(points: pd.DataFrame, names: Sequence[str], others: bool) -> list[Line2D | Patch]:
    handles: list[Line2D | Patch] = [
        Patch(color=colour, label=name) for name, colour in zip(names, CLASS_COLOURS, strict=False)
    ]
    if others:
        handles.append(Patch(color=_OTHERS, label="answer: another class"))
    for kind, (marker, _) in KINDS.items():
        if (points["kind"] == kind).any():
            face, edge = ("white", GREY) if kind == "test" else (GREY, GREY if marker == "x" else "#222222")
            mark = Line2D([], [], color=face, marker=marker, markeredgecolor=edge, linestyle="", label=_CALLED[kind])
            handles.append(mark)
    return handles
