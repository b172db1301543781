"""Study ``progress``: how training went for major and minor classes, from the log of the run."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from lightning_imb.analysis.training_progress import progress_numbers
from lightning_imb.metrics import FrequencyGroups, checked_major, frequency_groups
from lightning_imb.phases import Phase
from lightning_imb.reports.analysis.progress_settings_figure import progress_settings_figure
from lightning_imb.reports.curves import Row, curve
from lightning_imb.reports.mean_rows import mean_rows
from lightning_imb.reports.progress_figure import PREFIX, has_progress, progress_comparison_figure, progress_figure
from lightning_imb.studies.findings import Findings
from lightning_imb.studies.logged_scores import logged_scores
from lightning_imb.studies.study import Study
from lightning_imb.studies.subject import Subject
from lightning_imb.tracking.csv_table import MetricsTable

MAX_LINES = 8
BY_CLASS = re.compile(rf"{PREFIX}(recall|gradient)/(\d+)")
HOW_TO_RECORD = "train with callbacks.diagnostics_every=1 to record recall and feature gradients on the training images"


@dataclass(frozen=True)
class Progress(Study):
    """Training accuracy, minor-to-major confusion and feature gradients by epoch of phase 1.

    From what `callbacks.diagnostics_every` logged. A run without it has only the recalls of its validation or test
    images, in the epochs in which these were scored; they are summed up in the same way, under other names.

    Numbers: ``progress/...`` as in `lightning_imb.analysis.training_progress.progress_numbers`, on the training images;
    ``progress/<split>/...`` on the images that were scored during training; ``bacc`` on the test images.

    Args:
        major: Which classes are major and minor in a run without diagnostics, as in
            `lightning_imb.metrics.frequency_groups`: ``auto`` or a share. Diagnostics have their groups from training.

    Raises:
        InputError: ``major`` is neither ``auto`` nor a share.

    Source:
        Ye et al. 2021 (arXiv 2104.01769): the quantities, from its abstract. Protocol and numbers are our reading.
    """

    major: str | float

    name: ClassVar[str] = "progress"

    def __post_init__(self) -> None:
        checked_major(self.major)

    def look(self, subject: Subject) -> Findings:
        """Sum up one run: numbers, ``epochs`` and ``classes`` tables, the figure ``progress``."""
        rows = _rows(subject)
        bacc = {"bacc": float(subject.run.read_metrics()["test/bacc"])}
        if not rows:
            remark = f"{subject.run.metrics_csv} holds no epoch of phase 1: train with logger=csv to record its progress"
            return Findings(numbers=bacc, tables={}, figures={}, captions={}, remarks=(remark,))
        if not has_progress(rows):
            groups = frequency_groups(subject.train_counts, self.major)
            return logged_scores(rows, groups, subject, bacc, HOW_TO_RECORD)
        return _from_diagnostics(rows, subject, bacc)

    def compare(self, subjects: Sequence[Subject], found: Sequence[Findings]) -> Findings | None:
        """Draw the runs with diagnostics on one axis, means over seeds; one column per kind of imbalance.

        Returns:
            None where fewer than two runs have diagnostics.
        """
        rows = {index: rows for index, subject in enumerate(subjects) if has_progress(rows := _rows(subject))}
        if len(rows) < 2:
            return None
        settings: dict[str, dict[str, list[list[Row]]]] = {}
        for index, logged in rows.items():
            line, setting = _line_of(subjects[index])
            settings.setdefault(setting, {}).setdefault(line, []).append(logged)
        return _compared(settings, len(subjects) - len(rows))


def _rows(subject: Subject) -> list[Row]:
    return list(MetricsTable.read(subject.run.metrics_csv).rows(Phase.REPRESENT))


def _from_diagnostics(rows: Sequence[Row], subject: Subject, bacc: Mapping[str, float]) -> Findings:
    names = sorted({name.removeprefix(PREFIX) for row in rows for name in row if name.startswith(PREFIX)})
    curves = {name: curve(rows, PREFIX + name) for name in names if "/" not in name}
    numbers = {f"progress/{name}": value for name, value in progress_numbers(curves).items()}
    caption = (
        "Real training images, in evaluation mode, without augmentation and mixing, after epochs of phase 1. The "
        "gradient is that of an image's own loss with respect to its features, times the class weight of that epoch."
    )
    return Findings(
        numbers=numbers | bacc,
        tables={"epochs": epochs_table(curves), "classes": _class_table(rows, names, subject)},
        figures={"progress": progress_figure(rows, subject.train_counts)},
        captions={"progress": caption},
        remarks=_remarks(curves),
    )


def epochs_table(curves: Mapping[str, Mapping[int, float]]) -> pd.DataFrame:
    """One row per epoch, counted from 1, one column per curve; empty where a curve has no value."""
    table = pd.DataFrame({name: pd.Series(points, dtype="float64") for name, points in curves.items()}).sort_index()
    table.insert(0, "epoch", table.index.astype(int) + 1)
    return table.reset_index(drop=True)
