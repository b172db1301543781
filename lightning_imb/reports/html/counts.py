"""Images per class, once for every data set that the runs were trained on."""

from collections.abc import Sequence

from lightning_imb.reports.collect import RunRecord
from lightning_imb.reports.counts_figure import class_counts_figure
from lightning_imb.reports.header import counts_text
from lightning_imb.reports.html.parts import Picture, Section, picture
from lightning_imb.reports.html.rows import RowRuns

MAX_PICTURES = 8


def counts_section(rows: Sequence[RowRuns]) -> Section:
    """Draw the images per class of each split; rows that saw the same counts share a figure.

    Args:
        rows: Runs by row.
    """
    groups: dict[str, list[RowRuns]] = {}
    for row in rows:
        groups.setdefault(str([row.class_names, row.records[0].metrics["class_counts"]]), []).append(row)
    pictures = [_picture(members, alone=len(groups) == 1) for members in list(groups.values())[:MAX_PICTURES]]
    hidden = len(groups) - len(pictures)
    notes = (f"{hidden} more sets of class counts: see figures/class_counts.png of their runs.",) if hidden else ()
    return Section("counts", "Images per class", pictures=tuple(pictures), notes=notes)


def _picture(rows: Sequence[RowRuns], alone: bool) -> Picture:
    record = rows[0].records[0]
    counts, names = record.metrics["class_counts"], record.metrics["class_names"]
    figure = class_counts_figure(counts, names, f"Images per class: {_dataset(record)}")
    alt = "; ".join(f"{split}: {counts_text(values, names)}" for split, values in counts.items())
    which = "all rows" if alone else "; ".join(row.label for row in rows)
    return picture(figure, f"Images per class. {alt}.", f"Of {which}.")


def _dataset(record: RunRecord) -> str:
    return str(record.metrics.get("dataset", record.settings.get("dataset.name", "")))
