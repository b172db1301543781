"""Study ``gap``: how far the test embeddings of each class reach beyond its training embeddings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from lightning_imb.analysis.gap import Labelled, class_gaps, mean_gaps
from lightning_imb.analysis.rank_correlation import rank_correlation
from lightning_imb.metrics.scores import GROUPS, class_groups
from lightning_imb.reports.analysis.gap_figure import gap_figure
from lightning_imb.reports.analysis.gap_runs_figure import MAX_LINES, gap_runs_figure
from lightning_imb.studies.findings import Findings
from lightning_imb.studies.images_too import IMAGES_TOO, over_samples_images_too
from lightning_imb.studies.stages import stage_names
from lightning_imb.studies.study import Study
from lightning_imb.studies.subject import Balanced, Stage, Subject
from lightning_imb.utils.checked import checked_flag, checked_number

ALL = "all"
_NAMED = 5  # classes that a remark names before it only counts them
_PARTS = {
    "gap": ("test_rows", "test images"),
    "gap_tp": ("tp_rows", "true positives"),
    "gap_fn": ("fn_rows", "false negatives"),
    "gap_fp": ("fp_rows", "false positives"),
}
_RUNS = (
    "Each run goes from before (ring) to after phase 3 or the post-hoc method, or is a point where it has one stage. "
    "A narrower gap alone is no merit: it must come with a higher balanced accuracy. Gaps are in units of the "
    "embeddings, hence comparable between runs with the same extractor."
)
_PARTLY = " Gaps of equally many rows are not defined where training rows are synthetic: rings may stand alone there."
_SYNTHETIC = (
    " After phase 3 training rows are synthetic, hence not independent: marks and second panel are left out there."
)


@dataclass(frozen=True)
class Gap(Study):
    """Generalization gap per class before and after phases 2 and 3, always beside balanced accuracy.

    Before: training embeddings and test embeddings of the network that phase 1 left. After: the set that phase 3
    trained the head on (where embeddings were over-sampled, real and synthetic rows), and the final model's answers.
    Where rows of it are synthetic, ``matched``, ``null`` and ``excess`` are NaN.

    Numbers: ``<stage>/bacc``, ``<stage>/gap``, ``matched``, ``null``, ``excess``, ``gap_tp``, ``gap_fn`` as means over
    classes, the same of each group of classes as ``<stage>/<group>/gap``, and ``<stage>/rank_correlation`` of gap and
    class size. See `lightning_imb.analysis.gap` for what they are.

    Args:
        repetitions: Random draws behind ``matched`` and ``null``, at least 1.
        seed: Of these draws.
        false_positives: Also compare the test images of other classes that are taken for a class.

    Source:
        Dablain et al. (arXiv 2207.06080). The formula is our reading of the abstract; the yardsticks and the parts by
        right and wrong answers are ours.
    """

    repetitions: int
    seed: int
    false_positives: bool

    name: ClassVar[str] = "gap"
    title: ClassVar[str] = "Generalization gap"

    def __post_init__(self) -> None:
        checked_number("repetitions", self.repetitions, 1)
        checked_number("seed", self.seed, 0)
        checked_flag("false_positives", self.false_positives)

    def look(self, subject: Subject) -> Findings:
        """Measure all classes of one run: tables ``classes`` and ``groups``, the figure ``gap``."""
        gaps = {stage: self._gaps(subject, stage) for stage in subject.stages}
        groups = _groups(subject.train_counts)
        means = {stage: mean_gaps(table, groups) for stage, table in gaps.items()}
        numbers: dict[str, float] = {}
        for stage, table in gaps.items():
            numbers |= _numbers(stage, means[stage])
            numbers[f"{stage}/rank_correlation"] = rank_correlation(table["gap"], subject.train_counts)
        called = stage_names(subject)
        labels = {stage: f"{called[stage]}: BAC {numbers[f'{stage}/bacc']:.3f}" for stage in gaps}
        drawn = {labels[stage]: table for stage, table in gaps.items()}
        return Findings(
            numbers=numbers,
            tables={"classes": _classes(gaps, means, subject), "groups": _stacked(means)},
            figures={"gap": gap_figure(drawn, subject.class_names, subject.train_counts, subject.protocol)},
            captions={"gap": self._caption(numbers, subject)},
            remarks=(
                *_of_phase_2(subject),
                *(text for stage, table in gaps.items() for text in _empty(stage, table, subject)),
            ),
        )

    def compare(self, subjects: Sequence[Subject], found: Sequence[Findings]) -> Findings:
        """Put all runs into one table and draw their gaps against their balanced accuracies."""
        parts = [
            each.tables["groups"].assign(number=number, run=subject.label, line=subject.row)
            for number, (subject, each) in enumerate(zip(subjects, found, strict=True), start=1)
        ]
        table = _first(pd.concat(parts, ignore_index=True), "number", "run", "line")
        lines = list(dict.fromkeys(table["line"]))
        shown = table[(table["group"] == ALL) & table["line"].isin(lines[:MAX_LINES])]
        left_out = f"The figure shows the first {MAX_LINES} of {len(lines)} lines; the table holds all of them."
        protocols = "; ".join(dict.fromkeys(subject.protocol for subject in subjects))
        return Findings(
            tables={"runs": table},
            figures={"runs": gap_runs_figure(shown)},
            captions={"runs": f"{_RUNS}{_PARTLY if shown['matched'].isna().any() else ''} Protocol: {protocols}."},
            remarks=(left_out,) if len(lines) > MAX_LINES else (),
        )

    def _gaps(self, subject: Subject, stage: Stage) -> pd.DataFrame:
        balanced = subject.balanced if stage == "after" else None
        if balanced is None:
            train = Labelled(subject.embeddings("train", stage), subject.labels("train"))
        else:
            train = Labelled(balanced.z, balanced.y)
        test = Labelled(subject.embeddings("test", stage), subject.labels("test"))
        return class_gaps(
            train,
            test,
            subject.predicted("test", stage),
            subject.track(range(subject.num_classes), f"gap {stage}"),
            self.repetitions,
            self.seed,
            self.false_positives,
            synthetic=_made(balanced) > 0,
        )

    def _caption(self, numbers: Mapping[str, float], subject: Subject) -> str:
        stage = subject.stages[0]
        correlation = f"{numbers[f'{stage}/rank_correlation']:.2f}"
        return (
            "Sum over all features of how far the range of the test embeddings exceeds that of the training ones. "
            f"Marks: what a random division of the pooled rows gives, mean of {self.repetitions}; a real shift widens "
            f"it, too. Second panel: as many rows of both sides, mean and sd of {self.repetitions} draws."
            f"{_SYNTHETIC if _made(subject.balanced) else ''} Correlation of gap and class size (Spearman), "
            f"{stage_names(subject)[stage]}: {correlation}. Mere spread narrows the gap, too: read it beside recall "
            f"and balanced accuracy (BAC). Protocol: {subject.protocol}."
        )


def _made(balanced: Balanced | None) -> int:
    """Number of synthetic rows."""
    return 0 if balanced is None else len(balanced.y) - balanced.n_real


def _of_phase_2(subject: Subject) -> list[str]:
    """Say what synthetic rows do to the gaps after phase 3."""
    if over_samples_images_too(subject):
        return [f"{IMAGES_TOO}: the training rows after phase 3 are those of the real images alone."]
    if not (made := _made(subject.balanced)):
        return []
    return [
        f"After phase 3, {made:,} training rows are synthetic, which count as rows without being independent: matched, "
        "null and excess are not defined there."
    ]


def _groups(counts: Sequence[int]) -> dict[str, list[int]]:
    named = np.array(class_groups(counts))
    return {ALL: list(range(len(counts)))} | {group: np.flatnonzero(named == group).tolist() for group in GROUPS}


def _numbers(stage: str, means: pd.DataFrame) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for row in means.to_dict("records"):
        prefix = stage if row["group"] == ALL else f"{stage}/{row['group']}"
        numbers |= {f"{prefix}/{name}": float(row[name]) for name in means.columns.drop(["group", "classes"])}
    return numbers


def _stacked(tables: Mapping[Stage, pd.DataFrame]) -> pd.DataFrame:
    parts = [table.assign(stage=stage) for stage, table in tables.items()]
    return _first(pd.concat(parts, ignore_index=True), "stage")


def _first(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    return table[[*columns, *table.columns.drop(list(columns))]]


def _classes(gaps: Mapping[Stage, pd.DataFrame], means: Mapping[Stage, pd.DataFrame], subject: Subject) -> pd.DataFrame:
    """All classes of all stages; the balanced accuracy of the model stands in every row, as it must."""
    table = _stacked(gaps)
    bacc = {stage: rows.loc[rows["group"] == ALL, "bacc"].item() for stage, rows in means.items()}
    groups = class_groups(subject.train_counts)
    table.insert(2, "group", [groups[c] for c in table["class"]])
    table.insert(3, "n_train", [subject.train_counts[c] for c in table["class"]])
    table.insert(4, "bacc", table["stage"].map(bacc))
    table["class"] = [subject.class_names[c] for c in table["class"]]
    return table


def _empty(stage: str, table: pd.DataFrame, subject: Subject) -> list[str]:
    """Say which gaps are not defined, and why."""
    remarks = []
    for column, (rows, what) in _PARTS.items():
        if column not in table:
            continue
        lost = [subject.class_names[c] for c in table.loc[table[rows] == 0, "class"]]
        if lost:
            named = ", ".join(lost[:_NAMED]) + (f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else "")
            remarks.append(f"Without {what} ({stage}), {column} is not defined: {named}.")
    return remarks
