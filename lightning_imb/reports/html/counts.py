"""Images per class, once for every data set that the runs were trained on."""

from collections.abc import Sequence

from lightning_imb.reports.collect import RunRecord
from lightning_imb.reports.counts_figure import class_counts_figure
from lightning_imb.reports.header import SAMPLES, counts_text
from lightning_imb.reports.html.parts import Picture, Section, picture
from lightning_imb.reports.html.rows import RowRuns
from lightning_imb.reports.task import PER_CLASS, task_of

MAX_PICTURES = 8


def counts_section(rows: Sequence[RowRuns]) -> Section:
    """Draw the images per class, or the samples per bin, of each split; rows that saw the same counts share a figure.

    Args:
        rows: Runs by row.
    """
    groups: dict[str, list[RowRuns]] = {}
    for row in rows:
        groups.setdefault(str([row.class_names, row.records[0].metrics["class_counts"]]), []).append(row)
    pictures = [_picture(members, alone=len(groups) == 1) for members in list(groups.values())[:MAX_PICTURES]]
    hidden = len(groups) - len(pictures)
    shown = PER_CLASS[task_of(rows[0].records)]
    notes = (f"{hidden} more sets of class counts: see figures/class_counts.png of their runs.",) if hidden else ()
    return Section("counts", f"{SAMPLES[shown.unit].title()} per {shown.unit}", pictures=tuple(pictures), notes=notes)


def _picture(rows: Sequence[RowRuns], alone: bool) -> Picture:
    record = rows[0].records[0]
    counts, names = record.metrics["class_counts"], record.metrics["class_names"]
    unit = PER_CLASS[task_of([record])].unit
    what = f"{SAMPLES[unit].title()} per {unit}"
    figure = class_counts_figure(counts, names, f"{what}: {_dataset(record)}", unit)
    alt = "; ".join(f"{split}: {counts_text(values, names, unit)}" for split, values in counts.items())
    which = "all rows" if alone else "; ".join(row.label for row in rows)
    return picture(figure, f"{what}. {alt}.", f"Of {which}{_drawn_anew(rows)}.")


def _drawn_anew(rows: Sequence[RowRuns]) -> str:
    """Numeric targets may be drawn anew with every seed: a picture shows those of one."""
    first = rows[0].records[0]
    same = all(record.train_counts == first.train_counts for record in rows[0].records)
    return "" if same else f", as drawn with seed {first.seed}; other seeds draw others of the same law"


def _dataset(record: RunRecord) -> str:
    return str(record.metrics.get("dataset", record.settings.get("dataset.name", "")))
