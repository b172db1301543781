"""The picture of the images that excite units most: one line of images per unit."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from lightning_imb.reports.style import BLUE, ORANGE, SKY, new_figure, short_name

MOST_UNITS = 16
MOST_IMAGES = 10
_SIDE = 1.15  # inches of an image
_NAME = 14  # characters over an image
_DIMMED = 0.6  # brightness of what does not excite the unit


class TopImage(NamedTuple):
    """One image of a unit.

    Attributes:
        image: uint8 (C, H, W), C of 1 or 3.
        part: (H, W) which part of it excites the unit.
        label: Name of its class.
        own: Whether that is the class that the unit stands for.
        region: (H, W) what the data mark in it; None for nothing.
    """

    image: NDArray[np.uint8]
    part: NDArray[np.bool_]
    label: str
    own: bool
    region: NDArray[np.bool_] | None = None


class UnitRow(NamedTuple):
    """One unit.

    Attributes:
        heading: What stands in front of it.
        images: The strongest first.
    """

    heading: str
    images: Sequence[TopImage]


def top_images_figure(rows: Sequence[UnitRow], title: str) -> Figure:
    """Draw one line of images per unit: what excites it is bright and outlined, what the data mark has a dashed line.

    Args:
        rows: At least one unit with at least one image; the first 16 units and 10 images are drawn.
        title: Of the figure.
    """
    drawn = rows[:MOST_UNITS]
    across = min(MOST_IMAGES, max(len(row.images) for row in drawn))
    height, width = drawn[0].images[0].image.shape[1:]
    figure = new_figure(2.0 + across * _SIDE, 0.6 + len(drawn) * (_SIDE * height / width + 0.25))
    grid = figure.subplots(len(drawn), across, squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    for line, row in zip(grid, drawn, strict=True):
        heading = "\n".join(short_name(part, 20) for part in row.heading.split("\n"))
        line[0].set_ylabel(heading, rotation=0, ha="right", va="center", fontsize=9, parse_math=False)
        for axes, shown in zip(line, row.images, strict=False):
            _draw(axes, shown)
    more = f", the first {len(drawn)} of {len(rows)} units" if len(rows) > len(drawn) else ""
    figure.suptitle(title + more, fontsize=12, fontweight="bold", parse_math=False)
    return figure


def _draw(axes: Axes, shown: TopImage) -> None:
    pixels = shown.image.transpose(1, 2, 0) / 255
    if pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    dimmed = np.where(shown.part[..., None], pixels, _DIMMED * pixels)
    axes.imshow(dimmed, interpolation="nearest")
    _outline(axes, shown.part, ORANGE, "solid")
    if shown.region is not None:
        _outline(axes, shown.region, SKY, "dashed")
    axes.set_xlim(-0.5, shown.part.shape[1] - 0.5)
    axes.set_ylim(shown.part.shape[0] - 0.5, -0.5)
    mark = "● " if shown.own else ""
    colour = BLUE if shown.own else "#333333"
    axes.set_title(mark + short_name(shown.label, _NAME), fontsize=8, color=colour, pad=3, parse_math=False)


def _outline(axes: Axes, part: NDArray[np.bool_], colour: str, style: str) -> None:
    height, width = part.shape
    if part.any():
        axes.contour(
            np.pad(part.astype(float), 1),  # a margin of nothing closes the line at the edge
            [0.5],
            colors=[colour],
            linestyles=[style],
            linewidths=1.2,
            extent=(-1.5, width + 0.5, -1.5, height + 0.5),
        )
