"""Study ``embedding_map``: a few classes' embeddings on a plane, and the decision regions around them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lightning_imb.analysis.decision_regions import UNKNOWN, Regions, decision_regions, frame_around
from lightning_imb.analysis.embedding_map import METHODS, most_confused, plane, require_umap
from lightning_imb.reports.analysis.embedding_map_figure import MAX_CLASSES, embedding_map_figure
from lightning_imb.studies.findings import Findings
from lightning_imb.studies.map_points import KINDS, MapPoints, answers, gather
from lightning_imb.studies.stages import stage_names
from lightning_imb.studies.study import Study
from lightning_imb.studies.subject import Stage, Subject
from lightning_imb.utils.checked import checked_choice, checked_number
from lightning_imb.utils.errors import InputError

AUTO = "auto"
_METHOD_NAMES = {"tsne": "t-SNE", "umap": "UMAP", "pca": "Principal components"}


@dataclass(frozen=True)
class EmbeddingMap(Study):
    """Training, test and synthetic embeddings of some classes on one map, coloured by what each stage answers there.

    The map is made of the embeddings that the final head reads. Where phase 3 left the extractor alone, all points have
    an answer of either stage; where it changed, synthetic points have none of the stage before.

    Numbers, by stage: ``faithful`` (share of the points that lie in a region of their own answer), ``recall`` (of the
    shown classes on their test images on the map) and ``synthetic_own`` (share of the synthetic points on the map that
    are answered with their own class).

    Args:
        classes: ``auto``, the classes most confused with each other on the test images by the model before phase 3; or
            their names, at least two.
        n_classes: How many classes ``auto`` takes, from 2 to 5.
        max_points: Of each class and each kind of points, at least 2; a random part of more.
        method: ``tsne``, ``umap`` or ``pca``.
        perplexity: About the number of neighbours that t-SNE and UMAP keep, at least 1.
        neighbors: Points that vote on the colour of a place, at least 1.
        reach: Farther from all points than this share of the map's diagonal nothing is coloured, above 0.
        cells: The regions are drawn with so many cells along each axis, at least 2.
        seed: Of the choice of points and of the map.

    Source:
        Dablain et al. (arXiv 2207.06080) have synthetic points between a class and its enemies; this picture of it is
        ours.
    """

    classes: str | Sequence[str]
    n_classes: int
    max_points: int
    method: str
    perplexity: float
    neighbors: int
    reach: float
    cells: int
    seed: int

    name: ClassVar[str] = "embedding_map"
    title: ClassVar[str] = "Embedding map and decision regions"

    def __post_init__(self) -> None:
        checked_choice("method", self.method, METHODS)
        checked_number("n_classes", self.n_classes, 2, MAX_CLASSES)
        checked_number("max_points", self.max_points, 2)
        for name, least in (("perplexity", 1), ("neighbors", 1), ("reach", 1e-6), ("cells", 2), ("seed", 0)):
            checked_number(name, getattr(self, name), least)
        named = self.classes != AUTO
        if named and (isinstance(self.classes, str) or not 2 <= len(set(self.classes)) <= MAX_CLASSES):
            raise InputError(f"classes is {self.classes!r}; give auto, or a list of 2 to {MAX_CLASSES} class names")
        if self.method == "umap":
            require_umap()

    def look(self, subject: Subject) -> Findings:
        """Draw one run: table ``points``, figure ``map``."""
        chosen = self._chosen(subject)
        points = gather(subject, chosen, self.max_points, self.seed)
        places = plane(points.z, self.method, self.perplexity, self.seed)
        given = {stage: answers(subject, stage, points) for stage in subject.stages}
        frame = frame_around(places, self.cells)
        regions = {
            stage: decision_regions(places, labels, frame, self.neighbors, self.reach)
            for stage, labels in given.items()
        }
        table = _table(subject, points, places, given)
        figure = embedding_map_figure(
            table.assign(shown=[chosen.index(c) for c in points.y]),
            _panels(subject, regions, chosen),
            (frame.x[0], frame.x[-1], frame.y[0], frame.y[-1]),
            [subject.class_names[c] for c in chosen],
            subject.protocol,
        )
        return Findings(
            numbers=_numbers(points, given, regions),
            tables={"points": table},
            figures={"map": figure},
            captions={"map": self._caption(subject, regions)},
            remarks=_remarks(points, given),
        )

    def _chosen(self, subject: Subject) -> list[int]:
        if self.classes == AUTO:
            predicted, labels = subject.predicted("test", subject.stages[0]), subject.labels("test")
            return most_confused(labels, predicted, subject.num_classes, min(self.n_classes, subject.num_classes))
        unknown = [name for name in self.classes if name not in subject.class_names]
        if unknown:
            raise InputError(
                f"classes has {unknown[0]!r}, which is no class of {subject.label}; give names of its classes"
            )
        return sorted({subject.class_names.index(name) for name in self.classes})

    def _caption(self, subject: Subject, regions: Mapping[Stage, Regions]) -> str:
        called = stage_names(subject)
        shares = ", ".join(f"{called[stage]} {found.faithful:.0%}" for stage, found in regions.items())
        return (
            f"{_METHOD_NAMES[self.method]} of at most {self.max_points} points of each class and kind, one map for all "
            f"panels; distances on it mean little. Colour of a place: the class that most of the {self.neighbors} "
            "nearest points are answered with, among all classes; white where no point is near. Share of the points "
            f"whose own answer is the colour they lie in: {shares}. Protocol: {subject.protocol}."
        )


def _panels(subject: Subject, regions: Mapping[Stage, Regions], chosen: Sequence[int]) -> dict[str, NDArray[np.int64]]:
    """The regions of each stage under a title, with classes as positions among those shown."""
    called = stage_names(subject)
    return {
        f"{called[stage]}; colour right for {found.faithful:.0%} of the points": _positions(found.cells, chosen)
        for stage, found in regions.items()
    }


def _positions(cells: NDArray[np.int64], chosen: Sequence[int]) -> NDArray[np.int64]:
    """Classes as positions among those shown; one more for any other class, -1 stays where nothing is known."""
    positions = np.where(cells == UNKNOWN, UNKNOWN, len(chosen))
    for position, c in enumerate(chosen):
        positions[cells == c] = position
    return positions


def _table(
    subject: Subject,
    points: MapPoints,
    places: NDArray[np.float64],
    given: Mapping[Stage, NDArray[np.int64]],
) -> pd.DataFrame:
    names = np.array([*subject.class_names, ""], dtype=object)  # no answer, -1, is the last: empty
    columns = {
        "kind": np.array(KINDS, dtype=object)[points.kind],
        "row": points.row,
        "class": names[points.y],
        "x": places[:, 0],
        "y": places[:, 1],
    }
    return pd.DataFrame(columns | {f"answer_{stage}": names[labels] for stage, labels in given.items()})


def _numbers(
    points: MapPoints, given: Mapping[Stage, NDArray[np.int64]], regions: Mapping[Stage, Regions]
) -> dict[str, float]:
    numbers = {}
    for stage, labels in given.items():
        right = labels == points.y
        numbers[f"{stage}/faithful"] = regions[stage].faithful
        numbers[f"{stage}/recall"] = _share(right[points.of("test")])
        numbers[f"{stage}/synthetic_own"] = _share(right[points.of("synthetic") & (labels != UNKNOWN)])
    return numbers


def _share(which: NDArray[np.bool_]) -> float:
    return float(which.mean()) if len(which) else float("nan")


def _remarks(points: MapPoints, given: Mapping[Stage, NDArray[np.int64]]) -> tuple[str, ...]:
    if not points.of("synthetic").any():
        return ("There are no synthetic points: nothing over-sampled the embeddings of these classes.",)
    mute = [stage for stage, labels in given.items() if (labels == UNKNOWN).any()]
    return tuple(f"Synthetic points have no answer {stage}: it reads other embeddings." for stage in mute)
