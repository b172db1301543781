"""What a page is made of: sections, sortable tables, pictures."""

import base64
import io
import re
from dataclasses import dataclass, field
from typing import Literal

from matplotlib.figure import Figure

from lightning_imb.reports.grid import Grid

_LEADING_NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?")


@dataclass(frozen=True)
class Column:
    """Head of a column.

    Attributes:
        name: Its text.
        kind: How the column sorts and to which side it leans.
    """

    name: str
    kind: Literal["text", "number"]


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: What is shown.
        key: What it is sorted by: a number in a number column; empty for a missing value, which always comes last.
        bold: Whether to stress it.
    """

    text: str
    key: str
    bold: bool = False


@dataclass(frozen=True)
class SortableTable:
    """A table whose columns sort.

    Attributes:
        title: Above the table.
        columns: One per column.
        rows: Cells, each row as long as the columns.
        caption: Below the table; empty for none.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""


@dataclass(frozen=True)
class Picture:
    """A figure within the page.

    Attributes:
        source: The image itself, a ``data:`` address.
        alt: What it shows, for those who do not see it.
        caption: Below the picture.
        width: Pixels.
        height: Pixels.
        title: Above the picture; empty for none.
    """

    source: str
    alt: str
    caption: str
    width: int
    height: int
    title: str = ""


@dataclass(frozen=True)
class Section:
    """One heading and what stands below it.

    Attributes:
        anchor: Its name within the page.
        title: The heading.
        text: A sentence below the heading; empty for none.
        tables: Its tables.
        pictures: Its pictures.
        notes: What was left out, and why.
        wide: Whether pictures stand one below the other; else side by side where there is room.
        tables_first: Whether tables stand above the pictures.
    """

    anchor: str
    title: str
    text: str = ""
    tables: tuple[SortableTable, ...] = ()
    pictures: tuple[Picture, ...] = ()
    notes: tuple[str, ...] = field(default=())
    wide: bool = True
    tables_first: bool = False


def sortable(grid: Grid) -> SortableTable:
    """Make a table of the page out of a table of text; numbers sort as they are shown, ``0.81 ± 0.02`` by 0.81."""
    kinds = [_kind(j, grid) for j in range(len(grid.header))]
    return SortableTable(
        title=grid.title,
        columns=tuple(Column(name, kind) for name, kind in zip(grid.header, kinds, strict=True)),
        rows=tuple(
            tuple(Cell(text, _key(text, kinds[j]), (i, j) in grid.bold) for j, text in enumerate(row))
            for i, row in enumerate(grid.rows)
        ),
        caption=grid.caption,
    )


def picture(figure: Figure, alt: str, caption: str) -> Picture:
    """Draw a figure into the page.

    Args:
        figure: The figure.
        alt: What it shows.
        caption: Below the picture.
    """
    png = io.BytesIO()
    figure.savefig(png, format="png")
    width, height = figure.get_size_inches() * figure.dpi
    return Picture(png_address(png.getvalue()), alt, caption, round(width), round(height))


def png_address(content: bytes) -> str:
    """A png file as a ``data:`` address."""
    return f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"


def _kind(j: int, grid: Grid) -> Literal["text", "number"]:
    """Columns of words are numbers, too, where every word is one: ratios sort 10, 20, 100."""
    words = grid.of_words(j) and not all(_is_number(row[j]) for row in grid.rows)
    return "text" if words else "number"


def _is_number(text: str) -> bool:
    return _LEADING_NUMBER.fullmatch(text) is not None


def _key(text: str, kind: Literal["text", "number"]) -> str:
    if kind == "text":
        return text
    found = _LEADING_NUMBER.match(text)
    return found.group().replace(",", "") if found else ""
