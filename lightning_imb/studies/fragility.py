"""Study ``fragility``: which features carry each class, and whether they are as strong in test as in training."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from lightning_imb.analysis.class_profiles import CEClass, EmbeddingKind
from lightning_imb.runs import RunFolder
from lightning_imb.studies.findings import Findings
from lightning_imb.studies.fragility_compare import compare_runs
from lightning_imb.studies.fragility_parts import (
    archetypes_part,
    density_part,
    features_part,
    head_part,
    joined,
    twin_part,
)
from lightning_imb.studies.fragility_views import KINDS, Reading
from lightning_imb.studies.study import Study
from lightning_imb.studies.subject import Subject
from lightning_imb.utils.checked import checked_choice, checked_flag, checked_number
from lightning_imb.utils.errors import InputError


@dataclass(frozen=True)
class Fragility(Study):
    """Features of each class: identity, magnitude, frequency, diversity, and their match between train and test.

    Numbers are macro means over classes and rank correlations, of CE in the final network ``fragility/...``, of FE
    ``fragility/fe/...``, of the network before phase 3 or before a post-hoc method ``fragility/before/...``; ``bacc``
    and ``before/bacc`` stand beside them.

    Small classes have a larger ``abs_log_r_tp`` and smaller overlaps by chance alone. Beside them stands what random
    divisions of the same images give: judge by ``excess_abs_log_r_tp`` and its rank correlation with class size, and
    see ``overlap_train_test`` beside ``null_overlap_train_test``. ``abs_log_r_fn`` and ``overlap_tp_fn`` have the same
    bias and no such yardstick.

    Args:
        embeddings: Kinds: ``ce`` (features times the head's weights of a class), ``fe`` (features); figures show the
            first.
        ce_class: Whose weights a CE has: the true class (``label``) or the one ``predicted``.
        signed: Rank CE with its sign instead of its absolute value.
        top: K, features per class.
        matched_rows: Rows of a class at which distinct features are compared; None for those of the smallest class.
        repetitions: Random divisions of the images of each class, at least 1.
        seed: Of these divisions.
        reference: Name of the class that density ratios refer to; None for the one with the most training images.
        archetypes: Whether training images are named safe, border, rare or outlier by their neighbours among the FE
            (which are normalised for a cosine head, here and throughout).
        twin: Folder of a run of the same recipe on balanced data; None for no comparison.

    Raises:
        InputError: A setting is impossible.

    Source:
        Dablain et al. 2022 (arXiv 2210.09465): the quantities, from its abstract; the formulas are our reading.
    """

    embeddings: Sequence[EmbeddingKind]
    ce_class: CEClass
    signed: bool
    top: int
    matched_rows: int | None
    repetitions: int
    seed: int
    reference: str | None
    archetypes: bool
    twin: str | None

    name: ClassVar[str] = "fragility"
    title: ClassVar[str] = "CNN fragility: features that carry each class"

    def __post_init__(self) -> None:
        if isinstance(self.embeddings, str) or not self.embeddings:
            raise InputError(f"embeddings is {self.embeddings!r}; give a list of {', '.join(KINDS)}")
        for kind in self.embeddings:
            checked_choice("embeddings", kind, KINDS)
        checked_choice("ce_class", self.ce_class, ("label", "predicted"))
        checked_flag("signed", self.signed)
        checked_flag("archetypes", self.archetypes)
        checked_number("top", self.top, 1)
        if self.matched_rows is not None:
            checked_number("matched_rows", self.matched_rows, 1)
        checked_number("repetitions", self.repetitions, 1)
        checked_number("seed", self.seed, 0)

    def reads_also(self) -> tuple[RunFolder, ...]:
        """The twin; one that is not finished is refused by `look`."""
        twin = None if self.twin is None else RunFolder(self.twin)
        return () if twin is None or not twin.finished else (twin,)

    def look(self, subject: Subject) -> Findings:
        """Look into one run.

        Returns:
            Tables ``classes``, ``top_features``, ``match``, ``class_overlap``, ``closest_classes``, ``density``,
            ``archetypes``, ``head_change``, ``twin``; figures ``top_features_*``, ``magnitudes``, ``match``,
            ``diversity``, ``class_overlap``, ``density``, ``twin``; those that the run and the settings have.
        """
        reading = Reading(self.ce_class, self.signed, self.top, self.matched_rows, self.repetitions, self.seed)
        parts = [features_part(subject, self.embeddings, reading), density_part(subject, reading, self.reference)]
        if self.archetypes:
            parts.append(archetypes_part(subject))
        if "before" in subject.stages:
            parts.append(head_part(subject))
        if self.twin is not None:
            parts.append(twin_part(subject, self.twin, self.embeddings, reading))
        return joined(parts)

    def compare(self, subjects: Sequence[Subject], found: Sequence[Findings]) -> Findings | None:
        """Compare runs class by class, and the identity of features of runs that share their extractor.

        Returns:
            Tables ``models_by_class``, ``models_sorted_magnitudes``, ``models_overlap``, and the figures
            ``models_by_class`` and ``models_overlap``; None where fewer than two runs have the same classes.
        """
        return compare_runs(subjects, found, self.embeddings)
