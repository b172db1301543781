"""A table of text that can be shown on a terminal or written as Markdown."""

from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

_PIPE_WIDTH = 1000  # columns of a pipe or a file


@dataclass(frozen=True)
class Grid:
    """Cells and what stands around them.

    Attributes:
        title: Above the table.
        header: One text per column.
        rows: Cells, each row as long as the header.
        labels: How many of the first columns hold words; the others hold numbers, but for the notes.
        caption: Below the table; empty for none.
        warning: Below the caption, meant to be seen; empty for none.
        bold: (row, column) of cells to stress.
        breaks: Rows that end a section.
        notes: How many of the last columns hold words.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    labels: int = 1
    caption: str = ""
    warning: str = ""
    bold: frozenset[tuple[int, int]] = frozenset()
    breaks: frozenset[int] = frozenset()
    notes: int = 0

    def of_words(self, column: int) -> bool:
        """Whether a column holds words, which stand to the left."""
        return column < self.labels or column >= len(self.header) - self.notes


def to_rich(grid: Grid) -> Table:
    """Make the table for a terminal. Texts are taken as they are: ``[0]`` is a class name and no markup."""
    caption = Text(grid.caption, style="dim")
    if grid.warning:
        caption.append(("\n" if grid.caption else "") + grid.warning, style="bold white on red")
    table = Table(
        title=Text(grid.title, style="bold"),
        title_justify="left",
        caption=caption,
        caption_justify="left",
        box=box.SIMPLE_HEAD,
    )
    for i, name in enumerate(grid.header):
        label = grid.of_words(i)
        table.add_column(Text(name), justify="left" if label else "right", overflow="fold" if label else "ellipsis")
    for i, row in enumerate(grid.rows):
        cells = [Text(cell, style="bold" if (i, j) in grid.bold else "") for j, cell in enumerate(row)]
        table.add_row(*cells, end_section=i in grid.breaks)
    return table


def wide_console() -> Console:
    """A console that cuts no table where its output goes into a pipe or a file."""
    console = Console()
    return console if console.is_terminal else Console(width=_PIPE_WIDTH)


def to_markdown(grid: Grid) -> str:
    """Make the table in GitHub's Markdown, title and caption included."""
    rule = [":--" if grid.of_words(i) else "--:" for i in range(len(grid.header))]
    body = [
        [f"**{_escape(cell)}**" if (i, j) in grid.bold else _escape(cell) for j, cell in enumerate(row)]
        for i, row in enumerate(grid.rows)
    ]
    lines = [f"| {' | '.join(cells)} |" for cells in ([_escape(name) for name in grid.header], rule, *body)]
    parts = [
        f"**{_escape(grid.title)}**",
        "\n".join(lines),
        grid.caption,
        f"**{grid.warning}**" if grid.warning else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
