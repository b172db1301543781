"""The runs behind each row of the comparison."""

from collections.abc import Sequence
from dataclasses import dataclass

from lightning_imb.reports.collect import RunRecord, grouped


@dataclass(frozen=True)
class RowRuns:
    """Runs that repeat one experiment.

    Attributes:
        label: Name of the row, such as ``eos, 100``.
        records: Its runs, by seed; at least one.
    """

    label: str
    records: tuple[RunRecord, ...]

    @property
    def class_names(self) -> tuple[str, ...]:
        """(K,) class names, which all runs of a row share."""
        return tuple(self.records[0].metrics["class_names"])


def row_runs(records: Sequence[RunRecord], keys: Sequence[str]) -> tuple[RowRuns, ...]:
    """Put runs together that agree in all keys, in the order in which they come.

    Args:
        records: The runs.
        keys: What makes a row, as in :func:`lightning_imb.reports.comparison.compare`.
    """
    return tuple(
        RowRuns(row_label(labels), tuple(sorted(members, key=lambda record: record.seed)))
        for labels, members in grouped(records, keys).items()
    )


def row_label(labels: Sequence[str]) -> str:
    """One text of the values that make a row."""
    return ", ".join(labels)


def beyond(rows: Sequence[RowRuns], most: int, what: str, place: str) -> tuple[str, ...]:
    """The note that tells what is left out of a long list; none where all of it is shown.

    Args:
        rows: All rows.
        most: How many are shown.
        what: What is shown of each.
        place: Where the others can be found.
    """
    if len(rows) <= most:
        return ()
    return (f"{what} of the first {most} of {len(rows)} rows; {place}.",)
