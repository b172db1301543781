"""imbalanced-learn's over-samplers, made safe for the very small classes of a long tail."""

import logging
import numbers
from collections.abc import Hashable
from typing import Any, ClassVar, NamedTuple

import numpy as np
from imblearn.over_sampling import SMOTE
from imblearn.over_sampling.base import BaseOverSampler
from numpy.typing import NDArray
from sklearn.base import clone

from lightning_imb.resampling.arrays import Grown, Matrix, Strategy, draw_seed
from lightning_imb.resampling.base import SMOTE_NEIGHBORS, EmbeddingOverSampler

logger = logging.getLogger(__name__)


class ClassWise(EmbeddingOverSampler):
    """Call one of imbalanced-learn's over-samplers once per class and reach every target exactly.

    imbalanced-learn has one neighbour number for all classes, so a single class of at most k rows stops
    the whole call. Here every class is over-sampled on its own, with all rows passed, and:

    - neighbours within the class are at most ``n_c - 1``, neighbours among all rows at most ``N - 1``;
    - a class of one row is over-sampled at random (copies);
    - rows that the sampler does not deliver (Borderline-SMOTE without danger rows, SVM-SMOTE with only
      noise or only one kind of support vectors, ADASYN without enemies or by rounding) are made by SMOTE,
      and what SMOTE cannot make by copies;
    - rows delivered beyond the target (ADASYN rounds per row) are dropped at random, so that the loss
      falls on all bases alike.

    The rows of the input come first, unchanged, then the synthetic rows class by class in ascending order.
    Each class draws from its own ``RandomState``, seeded by the random state and the position of the class
    among the sorted classes.

    Args:
        sampler: an unfitted over-sampler of imbalanced-learn; it is cloned, and its ``random_state`` and
            ``sampling_strategy`` are replaced.
        sampling_strategy: imbalanced-learn's: ``"auto"`` brings every class to the size of the largest.
        random_state: int, ``numpy.random.RandomState`` or None.

    Attributes:
        sampling_strategy_: number of rows to generate per class.
        report_: one dict per class in ascending order: ``label``, ``n`` rows, ``generated`` rows, of which
            ``sampler``, ``smote`` and ``random`` say by what; ``dropped`` surplus rows; ``k`` neighbours used
            within the class; ``fallback``: ``"smote"``, ``"random"``, ``"smote+random"`` or None; and the
            ``reason`` for it, or None.

    Raises:
        InputError: (``fit_resample``) one class only.

    References:
        Chawla et al., SMOTE, arXiv 1106.1813; Han et al., Borderline-SMOTE, ICIC 2005; Nguyen et al.,
        SVM-SMOTE, IJKESDP 2011; He et al., ADASYN, IJCNN 2008.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseOverSampler._parameter_constraints,
        "sampler": [BaseOverSampler],
    }

    def __init__(
        self,
        sampler: BaseOverSampler,
        *,
        sampling_strategy: Strategy = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.sampler = sampler
        self.random_state = random_state

    def _fit_resample(self, X: Matrix, y: NDArray[Any]) -> tuple[Matrix, NDArray[Any]]:
        self.sampler._validate_params()  # nested calls skip this, and no fallback may hide a wrong parameter
        seed, labels = draw_seed(self.random_state), np.unique(y)
        missing = np.array([self.sampling_strategy_.get(label, 0) for label in labels])
        grown = Grown(X, int(missing.sum()))
        self.report_: list[dict[str, Any]] = []
        for position, label in enumerate(labels.tolist()):
            rng = np.random.RandomState(np.random.MT19937(np.random.SeedSequence([seed, position])))
            made, report = self._over_sample(X, y, label, int(missing[position]), rng)
            for block in made:
                grown.add(block)
            self.report_.append(report)
            _log(report)
        return grown.result(), np.concatenate([y, np.repeat(labels, missing).astype(y.dtype)])

    def _over_sample(
        self, X: Matrix, y: NDArray[Any], label: Hashable, number: int, rng: np.random.RandomState
    ) -> tuple[list[Matrix], dict[str, Any]]:
        """Make ``number`` rows of one class: by the sampler, what is missing by SMOTE, then by copies."""
        rows = np.flatnonzero(y == label)
        sampler = _fitted_to(self.sampler, label, len(rows), X.shape[0])
        first = _call(sampler, X, y, label, number, rng)
        smote = SMOTE(k_neighbors=max(1, min(SMOTE_NEIGHBORS, len(rows) - 1)))
        second = _call(smote, X, y, label, number - first.delivered, rng)
        short = number - first.delivered - second.delivered
        copies = X[rng.choice(rows, short)]
        fallbacks = [name for name, made in (("smote", second.delivered), ("random", short)) if made]
        report = {
            "label": label,
            "n": len(rows),
            "generated": number,
            "sampler": first.delivered,
            "smote": second.delivered,
            "random": short,
            "dropped": first.dropped,
            "k": _own_neighbors(sampler),
            "fallback": "+".join(fallbacks) or None,
            "reason": first.failure,
        }
        return [block for block in (first.rows, second.rows, copies) if block.shape[0]], report


class _Delivery(NamedTuple):
    """What one call made: rows (M, D), how many surplus rows were dropped, and why rows are missing."""

    rows: Matrix
    dropped: int
    failure: str | None

    @property
    def delivered(self) -> int:
        return int(self.rows.shape[0])


def _fitted_to(sampler: BaseOverSampler, label: Hashable, n: int, total: int) -> BaseOverSampler:
    """Clone a sampler with the neighbours that a class of n rows among ``total`` rows can have."""
    limits = {"k_neighbors": n - 1, "n_neighbors": n - 1, "m_neighbors": total - 1}
    given = sampler.get_params(deep=False)
    possible = {
        name: max(1, min(given[name], limit))
        for name, limit in limits.items()
        if isinstance(given.get(name), numbers.Integral)
    }
    for name, value in possible.items():
        if value < given[name]:
            logger.info("class %s has %d rows: %s lowered from %d to %d", label, n, name, given[name], value)
    return clone(sampler).set_params(**possible)


def _own_neighbors(sampler: BaseOverSampler) -> int | None:
    """Return the sampler's number of neighbours within the class; None if it has no such number."""
    given = sampler.get_params(deep=False)
    k = given.get("k_neighbors", given.get("n_neighbors"))
    return int(k) if isinstance(k, numbers.Integral) else None


def _call(
    sampler: BaseOverSampler,
    X: Matrix,
    y: NDArray[Any],
    label: Hashable,
    number: int,
    rng: np.random.RandomState,
) -> _Delivery:
    """Let a sampler make at most ``number`` rows of one class; that it cannot is an answer, not an error."""
    n = int((y == label).sum())
    if number == 0:
        return _Delivery(X[:0], 0, None)
    if n == 1:
        return _Delivery(X[:0], 0, "a single row has no neighbour of its class")
    sampler.set_params(sampling_strategy={label: n + number}, random_state=rng)
    try:
        rows = sampler.fit_resample(X, y)[0][X.shape[0] :]
    except (ValueError, RuntimeError) as error:
        return _Delivery(X[:0], 0, str(error))
    surplus = rows.shape[0] - number
    if surplus > 0:
        return _Delivery(rows[np.sort(rng.choice(rows.shape[0], number, replace=False))], surplus, None)
    return _Delivery(rows, 0, f"{-surplus} of {number} rows were not delivered" if surplus else None)


def _log(report: dict[str, Any]) -> None:
    """Log one class; a fallback is worth a warning."""
    level = logging.WARNING if report["fallback"] else logging.DEBUG
    logger.log(level, "over-sampled %s", ", ".join(f"{key} {value}" for key, value in report.items()))
