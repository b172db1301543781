"""What over-samplers share that make the rows of each class on their own, from all rows."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from lightning_imb.resampling.arrays import Grown, Matrix, dense_floats, draw_seed
from lightning_imb.resampling.base import EmbeddingOverSampler
from lightning_imb.resampling.pairing import Indices

logger = logging.getLogger(__name__)

PIECE = 1024  # rows made at once: what stands beside the result is bounded by them


class Labelled(NamedTuple):
    """Rows and their classes.

    Attributes:
        data: (N, D) float32 or float64.
        labels: (K,) the classes' own names, ascending.
        members: K arrays of ascending row indices, one for each class.
    """

    data: NDArray[Any]
    labels: NDArray[Any]
    members: list[Indices]

    @property
    def counts(self) -> Indices:
        """(K,) rows per class."""
        return np.array([len(rows) for rows in self.members])


class Made(NamedTuple):
    """Synthetic rows of one class.

    Attributes:
        pieces: consecutive pieces (B, D) of the rows.
        outcome: the entries of ``reported`` for the report.
    """

    pieces: Iterator[NDArray[Any]]
    outcome: dict[str, Any]


class Maker(Protocol):
    """What makes rows once it has seen all of them."""

    def make(self, position: int, number: int, rng: np.random.Generator) -> Made:
        """Make ``number`` rows, at least 1, of the class at a position among the sorted classes."""


class ClassByClass(EmbeddingOverSampler, ABC):
    """An over-sampler whose subclass states `maker`, which makes the rows of one class at a time.

    The rows of the input come first, unchanged, then the synthetic rows class by class in ascending order. Each class
    draws from its own generator, seeded by the random state and the position of the class among the sorted classes.
    Integer features are truncated, as imbalanced-learn does.

    Attributes:
        sampling_strategy_: number of rows to generate per class.
        report_: one dict per class in ascending order: ``label``, ``n`` rows, ``generated`` rows, and the subclass's
            own entries, which are None where nothing was to be generated.
    """

    random_state: int | np.random.RandomState | None
    reported: ClassVar[tuple[str, ...]] = ("fallback",)
    """What the report says of a class beside its numbers; ``fallback``: what was done instead, or None."""

    @abstractmethod
    def maker(self, table: Labelled) -> Maker:
        """Look at all rows and return what makes new ones."""

    def _fit_resample(self, X: Matrix, y: NDArray[Any]) -> tuple[Matrix, NDArray[Any]]:
        seed, table = draw_seed(self.random_state), _labelled(X, y)
        missing = np.array([self.sampling_strategy_.get(label, 0) for label in table.labels])
        maker, grown = self.maker(table), Grown(X, int(missing.sum()))
        self.report_: list[dict[str, Any]] = []
        for position, label in enumerate(table.labels.tolist()):
            number = int(missing[position])
            report = {"label": label, "n": len(table.members[position]), "generated": number}
            if number == 0:
                self.report_.append({**report, **dict.fromkeys(self.reported)})
                continue
            made = maker.make(position, number, np.random.default_rng([seed, position]))
            for rows in made.pieces:
                grown.add(rows)
            self.report_.append({**report, **made.outcome})
            self._log(self.report_[-1])
        return grown.result(), np.concatenate([y, np.repeat(table.labels, missing).astype(y.dtype)])

    def _log(self, report: dict[str, Any]) -> None:
        """Log one class; a fallback is worth a warning."""
        level = logging.WARNING if report["fallback"] else logging.DEBUG
        entries = ", ".join(f"{key} {value}" for key, value in report.items())
        logger.log(level, "%s over-sampled %s", type(self).__name__, entries)


def pieces_of(number: int) -> Iterator[slice]:
    """Yield consecutive slices of at most `PIECE` rows that cover ``number`` rows."""
    for start in range(0, number, PIECE):
        yield slice(start, min(start + PIECE, number))


def _labelled(X: Matrix, y: NDArray[Any]) -> Labelled:
    """Sort the rows of X (N, D) with labels y (N,) by class."""
    labels, classes = np.unique(y, return_inverse=True)
    members = np.split(np.argsort(classes, kind="stable"), np.cumsum(np.bincount(classes))[:-1])
    return Labelled(dense_floats(X), labels, members)
