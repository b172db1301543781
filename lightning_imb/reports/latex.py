"""A table of text as LaTeX."""

import re

from lightning_imb.reports.grid import Grid

NEEDS = "% needs \\usepackage{booktabs}"

_SPECIAL = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": "$-$",
    "≥": r"$\geq$",
    "α": r"$\alpha$",
    "χ": r"$\chi$",
    "²": r"$^2$",
    "–": "--",
    "…": r"\dots{}",
    "\n": " ",
}
_PATTERN = re.compile("|".join(map(re.escape, _SPECIAL)))


def to_latex(grid: Grid) -> str:
    """Make a floating table with the rules of the package booktabs, title and caption below it included.

    Args:
        grid: The table. Its texts are taken as they are: what is special to LaTeX is escaped.
    """
    columns = "".join("l" if grid.of_words(i) else "r" for i in range(len(grid.header)))
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_caption(grid)}}}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        _line([escape(name) for name in grid.header]),
        r"\midrule",
        *_body(grid),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Escape what is special to LaTeX."""
    return _PATTERN.sub(lambda found: _SPECIAL[found[0]], text)


def _body(grid: Grid) -> list[str]:
    lines = []
    for i, row in enumerate(grid.rows):
        cells = [rf"\textbf{{{escape(cell)}}}" if (i, j) in grid.bold else escape(cell) for j, cell in enumerate(row)]
        lines.append(_line(cells))
        if i in grid.breaks and i < len(grid.rows) - 1:
            lines.append(r"\midrule")
    return lines


def _line(cells: list[str]) -> str:
    line = " & ".join(cells)
    # after the end of a line or a rule, [a] or * would be taken for its argument
    return f"{'{}' if line.startswith(('[', '*')) else ''}{line} \\\\"


def _caption(grid: Grid) -> str:
    parts = [escape(part) for part in (grid.title, grid.caption) if part]
    return ". ".join(parts) + (rf". \textbf{{{escape(grid.warning)}}}" if grid.warning else ".")
