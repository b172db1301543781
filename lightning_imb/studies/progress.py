"""Study ``progress``: how training went for major and minor classes, from the log of a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from lightning_imb.metrics import checked_major, frequency_groups
from lightning_imb.phases import Phase
from lightning_imb.reports.curves import Row
from lightning_imb.reports.progress_figure import has_progress
from lightning_imb.studies.findings import Findings
from lightning_imb.studies.progress_of_run import from_diagnostics, from_scores
from lightning_imb.studies.progress_of_sweep import Runs, compared
from lightning_imb.studies.study import Study
from lightning_imb.studies.subject import Subject
from lightning_imb.tracking.csv_table import MetricsTable


@dataclass(frozen=True)
class Progress(Study):
    """Training accuracy, minor-to-major confusion and feature gradients by epoch of phase 1.

    From what ``callbacks.diagnostics_every`` logged. A run without it has only the recalls of its validation or test
    images, in the epochs in which these were scored; they are summed up in the same way, under other names.

    Numbers: ``progress/...`` as in `lightning_imb.analysis.training_progress.progress_numbers`, on the training images;
    ``progress/<split>/...`` on the images that were scored during training; ``bacc`` of the run on the test images.

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
    title: ClassVar[str] = "Progress of training"

    def __post_init__(self) -> None:
        checked_major(self.major)

    def look(self, subject: Subject) -> Findings:
        """Sum up one run: numbers, a table by epoch and one by epoch and class, the figure ``progress``."""
        rows = _rows(subject)
        bacc = {"bacc": float(subject.run.read_metrics()["test/bacc"])}
        if not rows:
            remark = "The run has no csv file with epochs of phase 1: logger=csv records its progress."
            return Findings(numbers=bacc, remarks=(remark,))
        if has_progress(rows):
            return from_diagnostics(rows, subject.train_counts, subject.class_names, bacc)
        groups = frequency_groups(subject.train_counts, self.major)
        return from_scores(rows, subject.train_counts, subject.class_names, bacc, groups, subject.protocol)

    def compare(self, subjects: Sequence[Subject], found: Sequence[Findings]) -> Findings | None:
        """Draw the runs with diagnostics on one axis, means over seeds; kinds of imbalance side by side.

        Returns:
            None where fewer than two runs have diagnostics.
        """
        settings: dict[str, dict[str, Runs]] = {}
        for subject in subjects:
            if has_progress(rows := _rows(subject)):
                line, imbalance = _line_of(subject)
                settings.setdefault(imbalance, {}).setdefault(line, []).append(rows)
        watched = sum(len(runs) for lines in settings.values() for runs in lines.values())
        return compared(settings, len(subjects) - watched) if watched > 1 else None


def _rows(subject: Subject) -> Sequence[Row]:
    return MetricsTable.read(subject.run.metrics_csv).rows(Phase.REPRESENT)


def _line_of(subject: Subject) -> tuple[str, str]:
    """Name of the run's line in a comparison, and the kind of imbalance it was trained under."""
    imbalance = str(subject.cfg.imbalance.name)
    own = [part for part in subject.row.split(", ") if part != imbalance]
    return ", ".join(own) or "all runs", imbalance
