"""Study ``head_norms``: the lengths of the head's weight vectors, class by class."""

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from lightning_imb.analysis.head_norms import HeadNorms, head_norms
from lightning_imb.reports.analysis.head_norms_figure import head_norms_figure
from lightning_imb.studies.findings import Findings
from lightning_imb.studies.stages import stage_names
from lightning_imb.studies.study import Study
from lightning_imb.studies.subject import Stage, Subject


@dataclass(frozen=True)
class HeadNormsStudy(Study):
    """Weight norms of the linear head per class before and after phase 3, and how they go with the class size.

    Numbers: ``<stage>/spread`` (largest over smallest norm) and ``<stage>/rank_correlation`` (Spearman's, with the
    training images per class). A cosine head has none: it divides by the length. Nor have heads without one weight
    vector per class.

    Source:
        Dablain et al. (arXiv 2207.06080); Kang et al. 2020 (arXiv 1910.09217).
    """

    name: ClassVar[str] = "head_norms"
    title: ClassVar[str] = "Weight norms of the head"

    def look(self, subject: Subject) -> Findings:
        """Measure the heads of one run: table ``classes``, figure ``head_norms``."""
        measured, remarks = _measured(subject)
        if not measured:
            return Findings(remarks=remarks)
        columns = {f"norm_{stage}": found.norms for stage, found in measured.items()}
        table = pd.DataFrame({"class": subject.class_names, "n_train": subject.train_counts, **columns})
        called = stage_names(subject)
        labels = {
            stage: f"{called[stage]}: largest / smallest {found.spread:.2f}, "
            f"rank correlation with class size {found.rank_correlation:.2f}"
            for stage, found in measured.items()
        }
        drawn = {labels[stage]: found.norms for stage, found in measured.items()}
        caption = (
            "Euclidean length of each class's weight vector, without the bias; rank correlation is Spearman's. Levels "
            "depend on loss, weight decay and epochs: what counts is whether they follow the class size."
        )
        return Findings(
            numbers={
                f"{stage}/{name}": getattr(found, name)
                for stage, found in measured.items()
                for name in ("spread", "rank_correlation")
            },
            tables={"classes": table},
            figures={"head_norms": head_norms_figure(drawn, subject.class_names, subject.train_counts)},
            captions={"head_norms": caption},
            remarks=remarks,
        )


def _measured(subject: Subject) -> tuple[dict[Stage, HeadNorms], tuple[str, ...]]:
    """The norms of each stage whose head has them, and a remark for each whose head has not."""
    measured: dict[Stage, HeadNorms] = {}
    remarks = []
    for stage in subject.stages:
        head = subject.head(stage)
        if head is None:
            remarks.append(f"The head ({stage}) has not one weight vector per class: its norms are n/a.")
        elif head.kind == "cosine":
            remarks.append(f"The head ({stage}) is a cosine head, which divides by the norms: they are n/a.")
        else:
            measured[stage] = head_norms(head.weight, subject.train_counts)
    return measured, tuple(remarks)
