"""Names beside points, none upon another."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import cast

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox

from lightning_imb.reports.style import short_name

_AWAY = (7, 15, 26)  # points from the mark to the text
_DIRECTIONS = (0, 180, 90, 270, 45, 135, 315, 225)  # degrees
Point = tuple[float, float, str]
_LINE = {"arrowstyle": "-", "color": "#AAAAAA", "linewidth": 0.6, "shrinkA": 0, "shrinkB": 3}
_HALO = withStroke(linewidth=2.5, foreground="white")  # lines of the grid do not strike names out
_MARK = 5  # points that a mark reaches around its centre


def label_points(axes: Axes, points: Sequence[Point]) -> None:
    """Write a name beside each point where it covers no other name and no mark; a far one gets a thin line.

    A point for whose name there is no room stays without. Call it when all else is drawn.

    Args:
        axes: Whose limits, scales and size are final.
        points: x, y and name of each; those that are not finite are left out.
    """
    shown = [point for point in points if math.isfinite(point[0]) and math.isfinite(point[1])]
    marks = _marks(axes, shown)
    taken: list[Bbox] = []
    for point, own in zip(shown, marks, strict=True):
        box = _place(axes, point, [*taken, *(mark for mark in marks if mark is not own)])
        taken += [] if box is None else [box]


def _marks(axes: Axes, points: Sequence[Point]) -> list[Bbox]:
    """What the marks of points cover, in pixels."""
    figure = cast(Figure, axes.figure)
    figure.draw_without_rendering()  # the layout decides where points are
    reach = _MARK * figure.dpi / 72
    pixels = [axes.transData.transform((x, y)) for x, y, _ in points]
    return [Bbox.from_extents(x - reach, y - reach, x + reach, y + reach) for x, y in pixels]


def _place(axes: Axes, point: Point, others: Sequence[Bbox]) -> Bbox | None:
    """Write one name where there is room; what it covers, None where there is none."""
    x, y, name = point
    for right, up in _offsets():
        side = "center" if abs(right) < 1 else "left" if right > 0 else "right"
        text = axes.annotate(short_name(name), (x, y), (right, up), textcoords="offset points", fontsize=8)
        text.set(color="#333333", ha=side, va="center", parse_math=False, in_layout=False, path_effects=[_HALO])
        covered = text.get_window_extent()
        if _inside(covered, axes.get_window_extent()) and not any(covered.overlaps(other) for other in others):
            if math.hypot(right, up) > 1.4 * _AWAY[0]:
                line = axes.annotate("", (x, y), (right, up), textcoords="offset points", arrowprops=_LINE)
                line.set_in_layout(False)
            return covered
        text.remove()
    return None


def _offsets() -> Iterator[tuple[float, float]]:
    for away, angle in itertools.product(_AWAY, _DIRECTIONS):
        yield away * math.cos(math.radians(angle)), away * math.sin(math.radians(angle)) * 1.3


def _inside(box: Bbox, frame: Bbox) -> bool:
    return bool(frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1)
