"""One score as a table of rows by columns."""

from collections.abc import Sequence
from dataclasses import dataclass

from lightning_imb.reports.collect import RunRecord
from lightning_imb.reports.comparison import Comparison, Row, compare
from lightning_imb.utils.errors import InputError

Labels = tuple[str, ...]


@dataclass(frozen=True)
class Pivot:
    """One score, rows by columns.

    Attributes:
        metric: The score.
        row_keys: What the rows differ in.
        col_keys: What the columns differ in.
        rows: Labels of each row, in the order in which they were found.
        cols: Labels of each column, sorted, numbers by value.
        cells: The runs at (row, column); pairs without a run are not in it.
        comparison: What the cells were taken from.
    """

    metric: str
    row_keys: Labels
    col_keys: Labels
    rows: tuple[Labels, ...]
    cols: tuple[Labels, ...]
    cells: dict[tuple[Labels, Labels], Row]
    comparison: Comparison

    @property
    def missing(self) -> int:
        """Number of cells without a run."""
        return len(self.rows) * len(self.cols) - len(self.cells)

    def column(self, col: Labels) -> list[Row | None]:
        """The runs of each row in one column; None where there are none."""
        return [self.cells.get((row, col)) for row in self.rows]


def pivot(records: Sequence[RunRecord], rows: Sequence[str], cols: Sequence[str], metric: str) -> Pivot:
    """Arrange one score of all runs as rows by columns.

    Args:
        records: At least one run.
        rows: Keys of the rows, such as ``["method"]``.
        cols: Keys of the columns, such as ``["imbalance.ratio"]``.
        metric: Name as in ``metrics.json``.

    Raises:
        InputError: A key stands in both, or the runs cannot be compared (see :func:`compare`).
    """
    shared = [key for key in rows if key in cols]
    if shared:
        raise InputError(f"{shared[0]} cannot make both rows and columns: take it out of rows= or cols=.")
    comparison = compare(records, [*rows, *cols], [metric])
    split = len(rows)
    cells = {(row.labels[:split], row.labels[split:]): row for row in comparison.rows}
    found = list(dict.fromkeys(row for row, _ in cells))
    columns = sorted({col for _, col in cells}, key=lambda labels: [by_value(label) for label in labels])
    return Pivot(metric, tuple(rows), tuple(cols), tuple(found), tuple(columns), cells, comparison)


def by_value(label: str) -> tuple[bool, float, str]:
    """Key to sort labels with: numbers first and by value, words after them."""
    try:
        return False, float(label), label
    except ValueError:
        return True, 0.0, label
