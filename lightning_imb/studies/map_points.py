"""The points of an embedding map: real and synthetic embeddings of a few classes, and what each stage answers."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightning_imb.analysis.decision_regions import UNKNOWN
from lightning_imb.analysis.embedding_map import at_most
from lightning_imb.studies.subject import Stage, Subject

KINDS = ("train", "test", "synthetic")


class MapPoints(NamedTuple):
    """Embeddings that go onto a map.

    Attributes:
        z: (P, D), as the final head reads them.
        y: (P,) classes.
        kind: (P,) positions in `KINDS`.
        row: (P,) rows in the split or, of synthetic ones, in the balanced set.
    """

    z: NDArray[np.float32]
    y: NDArray[np.int64]
    kind: NDArray[np.int64]
    row: NDArray[np.int64]

    def of(self, kind: str) -> NDArray[np.bool_]:
        """(P,) which points are of a kind."""
        chosen: NDArray[np.bool_] = self.kind == KINDS.index(kind)
        return chosen


def gather(subject: Subject, classes: Sequence[int], max_points: int, seed: int) -> MapPoints:
    """Draw the points of some classes.

    Args:
        subject: The run.
        classes: Which classes.
        max_points: Of each class and kind.
        seed: Of the draw; each kind has draws of its own.
    """
    parts = []
    for number, kind in enumerate(KINDS):
        z, y, first = _source(subject, kind)
        rows = first + np.flatnonzero(np.isin(y[first:], classes))
        rows = rows[at_most(y[rows], max_points, np.random.default_rng([seed, number]))]
        parts.append(MapPoints(z[rows], y[rows], np.full(len(rows), number), rows))
    return MapPoints(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def answers(subject: Subject, stage: Stage, points: MapPoints) -> NDArray[np.int64]:
    """(P,) classes that the model of a stage answers for the points, -1 where it has no answer.

    A synthetic point is an embedding without an image: only a head that reads the same embeddings can answer it.

    Args:
        subject: The run.
        stage: Whose answers.
        points: The points.
    """
    given = np.full(len(points.y), UNKNOWN)
    for split in ("train", "test"):
        given[points.of(split)] = subject.predicted(split, stage)[points.row[points.of(split)]]
    synthetic, train = points.of("synthetic"), points.of("train")
    same = np.array_equal(subject.embeddings("train", stage)[points.row[train]], points.z[train])
    if synthetic.any() and same:
        given[synthetic] = subject.classify(points.z[synthetic], stage).argmax(axis=1)
    return given


def _source(subject: Subject, kind: str) -> tuple[NDArray[np.float32], NDArray[np.int64], int]:
    """Embeddings and classes that points of a kind are drawn from, and the first row that may be drawn."""
    if kind != "synthetic":
        return subject.embeddings(kind), subject.labels(kind), 0
    if (balanced := subject.balanced) is not None:
        return balanced.z, balanced.y, balanced.n_real
    z = subject.embeddings("train")
    return z[:0], np.empty(0, dtype=np.int64), 0
