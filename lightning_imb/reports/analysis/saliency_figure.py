"""The picture of examples: images, the border of the marked region, and heat maps over them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lightning_imb.reports.style import BLUE, SKY, new_figure, short_name

PER_BAND = 6  # images side by side
METHOD_NAMES = {
    "grad_cam": "Grad-CAM",
    "integrated_gradients": "integrated\ngradients",
    "input_x_gradient": "input x\ngradient",
    "occlusion": "occlusion",
}
_MAP = "magma"  # evenly rising lightness: it reads the same in grey and to every eye
_WRONG = "#B34700"  # a dark orange, which small text needs on white
_SIDE = 1.75  # inches of an image
_BRIGHTEST = 99.5  # percentile shown as the brightest: maps of single pixels have few that outshine all others


class Example(NamedTuple):
    """One image and what a network makes of it.

    Attributes:
        image: uint8 (C, H, W), C of 1 or 3.
        region: (H, W) the marked region; None for none.
        label: Name of its class.
        predicted: Name of the class that the network predicts.
        maps: (H, W) in [0, 1] by method; the same methods in every example.
    """

    image: NDArray[np.uint8]
    region: NDArray[np.bool_] | None
    label: str
    predicted: str
    maps: Mapping[str, NDArray[Any]]


def saliency_figure(examples: Sequence[Example]) -> Figure:
    """Draw one column per example: the image on top, below it one heat map per method, in bands of six.

    Args:
        examples: At least one.
    """
    methods = list(examples[0].maps)
    bands = [examples[start : start + PER_BAND] for start in range(0, len(examples), PER_BAND)]
    height, width = examples[0].image.shape[1:]
    panel = _SIDE * height / width
    rows = 1 + len(methods)
    figure = new_figure(1.1 + _SIDE * len(bands[0]) + 0.6, len(bands) * (panel * rows + 0.55) + 0.3)
    grid = figure.subplots(len(bands) * rows, len(bands[0]), squeeze=False)
    for number, band in enumerate(bands):
        _band(grid[number * rows : (number + 1) * rows], band, methods)
    scale = ScalarMappable(Normalize(0, 1), _MAP)
    bar = figure.colorbar(scale, ax=grid, shrink=min(1, 2.4 / panel / len(grid) * 1.2), aspect=18, pad=0.015)
    bar.set_label("evidence for the class,\nshare of the map's brightest", fontsize=8)
    bar.set_ticks([0, 0.5, 1])
    bar.outline.set_visible(False)
    return figure


def _band(grid: NDArray[Any], examples: Sequence[Example], methods: Sequence[str]) -> None:
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    for name, axes in zip(("image", *methods), grid[:, 0], strict=True):
        axes.set_ylabel(METHOD_NAMES.get(name, name), fontsize=9)
    for example, column in zip(examples, grid.T, strict=False):
        _title(column[0], example)
        for axes, method in zip(column, (None, *methods), strict=True):
            _panel(axes, example, method)


def _title(axes: Axes, example: Example) -> None:
    """The class, and what was predicted in its place: in words, not by the colour alone."""
    right = example.label == example.predicted
    says = "✓ predicted" if right else f"✗ as {short_name(example.predicted)}"
    text = f"{short_name(example.label)}\n{says}"
    axes.set_title(text, fontsize=8, color=BLUE if right else _WRONG, parse_math=False)


def _panel(axes: Axes, example: Example, method: str | None) -> None:
    grey = example.image.mean(axis=0) if method or len(example.image) == 1 else None
    shown = example.image.transpose(1, 2, 0) if grey is None else grey
    axes.imshow(shown, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    if method is not None:
        heat = example.maps[method]
        brightest = np.percentile(heat, _BRIGHTEST) or heat.max() or 1.0
        heat = np.clip(heat / brightest, 0, 1)
        axes.imshow(heat, cmap=_MAP, vmin=0, vmax=1, alpha=0.15 + 0.7 * heat, interpolation="nearest")
    if example.region is not None:
        axes.contour(_with_border(example.region), [0.5], colors=[SKY], linewidths=1.2, extent=_extent(example.region))


def _with_border(region: NDArray[np.bool_]) -> NDArray[Any]:
    """A margin of nothing closes the line around regions that touch the edge."""
    return np.pad(region.astype(float), 1)


def _extent(region: NDArray[np.bool_]) -> tuple[float, float, float, float]:
    return -1.5, region.shape[1] + 0.5, -1.5, region.shape[0] + 0.5
