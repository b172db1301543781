"""The pictures of similarities between layers, and between the same layer of different networks."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from lightning_imb.reports.style import MANY_LABELS, class_ticks, new_figure

MOST_LAYERS = 6
MOST_CELLS = 12  # cells in a line that have room for their number
_ACROSS = 3  # panels side by side
_LABEL = "debiased linear CKA"


def layers_figure(
    matrix: NDArray[np.float64], others: Mapping[str, NDArray[np.float64]], layers: Sequence[str]
) -> Figure:
    """Draw the similarity of the layers of one network with each other, and with the same layers of other networks.

    Args:
        matrix: (L, L).
        others: (L,) each, by the name of the other network.
        layers: (L,) names, from the image to the logits.
    """
    columns = np.stack(list(others.values()), axis=1) if others else np.zeros((len(layers), 0))
    side = 0.55 * max(len(layers), 4)
    figure = new_figure(3.4 + side + 0.8 * len(others), 2.2 + side)
    ratios = [len(layers), *([max(len(others), 1)] if others else [])]
    panels = figure.subplots(1, len(ratios), sharey=True, squeeze=False, width_ratios=ratios)[0]
    image = _cells(panels[0], matrix)
    class_ticks(panels[0], layers, "y")
    _slanted(panels[0], layers)
    panels[0].set_title("with its own layers", fontsize=10, loc="left")
    panels[0].set_ylabel("layer")
    if others:
        _cells(panels[1], columns)
        _slanted(panels[1], list(others))
        panels[1].set_title("with the same layer of", fontsize=10, loc="left")
    figure.suptitle("Similarity of layers", fontsize=12, fontweight="bold")
    figure.colorbar(image, ax=panels, shrink=0.85, label=_LABEL).outline.set_visible(False)
    return figure


def runs_figure(matrices: Mapping[str, NDArray[np.float64]], names: Sequence[str], untrained: bool) -> Figure:
    """Draw the similarity of each layer between the networks of a sweep, one panel per layer.

    Args:
        matrices: (M, M + 1) by layer: means over pairs of runs of two rows of the sweep, and with untrained networks.
        names: (M,) names of the rows.
        untrained: Whether the last column is drawn.
    """
    layers = list(matrices)[-MOST_LAYERS:]
    across = 2 if len(layers) in (2, 4) else min(_ACROSS, len(layers))
    down = -(-len(layers) // across)
    side = float(np.clip(0.45 * (len(names) + untrained), 2.2, 5.5))
    figure = new_figure(across * (side + 0.2) + 2.4, down * (side + 0.35) + 1.5)
    grid = figure.subplots(down, across, squeeze=False)
    columns = [*names, *(["untrained"] if untrained else [])]
    images = []
    for number, (axes, layer) in enumerate(zip(grid.flat, layers, strict=False)):
        images.append(_cells(axes, matrices[layer][:, : len(columns)], diagonal=True))
        axes.set_title(layer, fontsize=10, loc="left", parse_math=False)
        class_ticks(axes, names, "y")
        _slanted(axes, columns)
        # names once per line of panels, below the last panel of each column
        axes.tick_params(labelleft=number % across == 0, labelbottom=number + across >= len(layers))
    for axes in grid.flat[len(layers) :]:
        axes.remove()
    left_out = len(matrices) - len(layers)
    more = f" ({left_out} earlier layers in the table)" if left_out else ""
    figure.suptitle(f"Similarity of the same layer in two networks{more}", fontsize=12, fontweight="bold")
    bar = figure.colorbar(images[0], ax=figure.axes, shrink=min(1.0, 3 / (down * side)), label=_LABEL)
    bar.outline.set_visible(False)
    return figure


def _slanted(axes: Axes, names: Sequence[str]) -> None:
    """Names below narrow panels, of which `class_ticks` knows nothing but the width of the whole figure."""
    class_ticks(axes, names, "x")
    axes.tick_params(axis="x", labelrotation=45)
    for text in axes.get_xticklabels():
        text.set(ha="right", rotation_mode="anchor")


def _cells(axes: Axes, values: NDArray[Any], diagonal: bool = False) -> AxesImage:
    """A heat map from 0 to 1 with numbers where there is room; undefined cells are grey, the diagonal may be bold."""
    axes.set_facecolor("#EEEEEE")
    image = axes.imshow(values, cmap="Blues", vmin=0, vmax=1, interpolation="nearest", aspect="equal")
    axes.spines[:].set_visible(False)
    if max(values.shape) <= min(MOST_CELLS, MANY_LABELS):
        for (i, j), value in np.ndenumerate(values):
            if not np.isnan(value):
                colour = "white" if value > 0.5 else "#222222"
                weight = "bold" if diagonal and i == j else "normal"
                axes.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=8, color=colour, weight=weight)
    return image
