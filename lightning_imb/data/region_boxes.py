"""Boxes around regions of images: read from the csv file of boxes, and drawn."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lightning_imb.data.box_table import PATH, rows_of_images
from lightning_imb.data.csv_table import CsvTable, check_columns
from lightning_imb.data.tree import Places
from lightning_imb.utils.errors import InputError

CORNERS = ("x1", "y1", "x2", "y2")
FRAME = ("width", "height")
CLASS = "class"


class Frame(NamedTuple):
    """Size of the picture that coordinates refer to, in its own pixels."""

    width: float
    height: float


class Box(NamedTuple):
    """One row of the csv file: columns ``x1..x2-1`` and rows ``y1..y2-1`` of a frame, which need not be whole.

    Attributes:
        corners: x1, y1, x2, y2 in pixels of the frame.
        frame: None for that of the image itself.
        label: The class that the region is of; empty for any.
        where: How messages name the row.
    """

    corners: tuple[float, float, float, float]
    frame: Frame | None
    label: str
    where: str


def boxes_of_images(table: CsvTable, places: Places, names: Sequence[str]) -> dict[str, list[Box]]:
    """Read the boxes of every image.

    Columns ``width`` and ``height`` are the frame that the coordinates of a row refer to; a column ``class`` says what
    a box is around. All three may be missing or empty. A row without coordinates is of an image without a region, and
    so are all rows of a file that has no column of coordinates, but groups for instance.

    Args:
        table: With the columns ``path``, ``x1``, ``y1``, ``x2`` and ``y2``, in any order and among others.
        places: Where csv file and images lie.
        names: Of all images, inside the root.

    Raises:
        InputError: Naming the file and the line that cannot be used.
    """
    if not set(CORNERS) & set(table.columns):
        return {}
    check_columns(table, (PATH, *CORNERS))
    rows = rows_of_images(table, places, names)
    found = {name: [_box(table, row) for row in members] for name, members in rows.items()}
    return {name: kept for name, boxes in found.items() if (kept := [box for box in boxes if box is not None])}


def draw_boxes(boxes: Sequence[Box], own: Frame, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Fill boxes in an image that was resized.

    A pixel belongs to a box that has its centre, and the pixel at the centre of a box always does.

    Args:
        boxes: At least one.
        own: Size of the image as its file has it, where a box names no frame.
        size: (H, W) in pixels, what the image was resized to.

    Returns:
        (H, W), their union.

    Raises:
        InputError: When a box leaves the image.
    """
    mask = np.zeros(size, dtype=np.bool_)
    for box in boxes:
        frame = box.frame or own
        _check_inside(box.corners, frame, box.where)
        x1, y1, x2, y2 = box.corners
        columns = _covered(x1 / frame.width * size[1], x2 / frame.width * size[1])
        mask[_covered(y1 / frame.height * size[0], y2 / frame.height * size[0]), columns] = True
    return mask


def _covered(start: float, end: float) -> slice:
    """Pixels whose centres lie in [start, end), or the one around the middle."""
    first, beyond = math.ceil(start - 0.5), math.ceil(end - 0.5)
    if beyond > first:
        return slice(first, beyond)
    middle = math.floor((start + end) / 2)
    return slice(middle, middle + 1)


def _box(table: CsvTable, row: int) -> Box | None:
    where = table.where(row)
    corners = _numbers(table, row, CORNERS)
    if corners is None:
        return None
    size = _numbers(table, row, [name for name in FRAME if name in table.columns])
    if size is not None and not (len(size) == len(FRAME) and min(size) > 0):
        raise InputError(f"{where} has the frame {' x '.join(f'{side:g}' for side in size)}: give width and height > 0")
    x1, y1, x2, y2 = corners
    frame = None if size is None else Frame(*size)
    if frame is not None:
        _check_inside((x1, y1, x2, y2), frame, where)
    label = table.columns[CLASS][row] if CLASS in table.columns else ""
    return Box((x1, y1, x2, y2), frame, label, where)


def _numbers(table: CsvTable, row: int, names: Sequence[str]) -> list[float] | None:
    """Values of some columns; None where all are empty."""
    texts = [table.columns[name][row] for name in names]
    if not any(texts):
        return None
    try:
        return [float(text) for text in texts]
    except ValueError as error:
        given = ", ".join(f"{name}={text}" for name, text in zip(names, texts, strict=True))
        raise InputError(f"{table.where(row)} has {given}: give numbers, or leave all of them empty") from error


def _check_inside(corners: tuple[float, float, float, float], frame: Frame, where: str) -> None:
    x1, y1, x2, y2 = corners
    if 0 <= x1 < x2 <= frame.width and 0 <= y1 < y2 <= frame.height:  # written so that NaN fails, too
        return
    box = ", ".join(f"{name}={value:g}" for name, value in zip(CORNERS, corners, strict=True))
    raise InputError(
        f"{where} has the box {box}, which is empty or leaves its frame of {frame.width:g} x {frame.height:g} pixels: "
        "correct it, or name in width and height the frame that it refers to"
    )
