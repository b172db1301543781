"""FSA-like over-sampling: what is specific to a tail class, on top of what is generic in a confusing head class."""

import numbers
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval

from lightning_imb.resampling.arrays import Strategy
from lightning_imb.resampling.class_by_class import ClassByClass, Labelled, Made, pieces_of
from lightning_imb.resampling.mean_probe import MeanProbe
from lightning_imb.resampling.pairing import Indices


class FSA(ClassByClass):
    """Fuse the class-specific features of a tail row with the class-generic features of a head row (our reading).

    Chu et al. split a convolutional feature map by the class activation map of the trained head: the parts with a
    high activation are specific to the class, those with a low one are generic. Behind ``fit_resample(X, y)`` there
    is neither a map nor a head, so here the D features of an embedding take the place of the map's parts, and the
    linear probe that follows from the class means (:class:`~lightning_imb.resampling.mean_probe.MeanProbe`) the place
    of the head. For a row of class c the activation of feature d is what it adds to the probe's logit of c,
    ``max(0, w_cd·x_d)``, divided by the largest of the row. Then, for a class c below its target,

    - its confusing classes are those, among the classes with more rows than c (if there are none: among all others),
      to which the probe gives the highest mean probability over the rows of c;
    - draw a row of c, one of the confusing classes h and a row of h, all uniformly with replacement;
    - a feature that is specific in the row of c, or not generic in the row of h, is taken from the row of c, the
      others from the row of h. The label is c.

    What differs from the paper: vectors instead of maps, the probe instead of the trained head, no random mask over
    the fused parts (the pairs vary instead), a feature that is neither specific nor generic keeps the tail's value
    instead of 0, one synthetic set instead of a new one in each batch, and only the head is trained on it.

    Args:
        sampling_strategy: imbalanced-learn's: ``"auto"`` brings every class to the size of the largest;
            a dict gives targets per class; a float is the binary ratio.
        confusing: confusing classes per class, at least 1; more than there are means all of them.
        specific: 0..1: features with a larger activation are specific to their class.
        generic: 0..1: features with a smaller activation are generic.
        random_state: int, ``numpy.random.RandomState`` or None.

    Attributes:
        sampling_strategy_: number of rows to generate per class.
        report_: one dict per class in ascending order: ``label``, ``n`` rows, ``generated`` rows, ``confusing``: labels
            of the confusing classes, most confusing first, and ``fallback``: ``"classes of fewer rows"`` where no class
            has more rows, or None.

    Raises:
        InputError: (``fit_resample``) one class only.

    References:
        Chu, Bian, Liu, Ling: "Feature Space Augmentation for Long-Tailed Data", ECCV 2020, arXiv 2008.03673.
    """

    reported = ("confusing", "fallback")
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseOverSampler._parameter_constraints,
        "confusing": [Interval(numbers.Integral, 1, None, closed="left")],
        "specific": [Interval(numbers.Real, 0, 1, closed="both")],
        "generic": [Interval(numbers.Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        *,
        sampling_strategy: Strategy = "auto",
        confusing: int = 3,
        specific: float = 0.2,
        generic: float = 0.2,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.confusing = confusing
        self.specific = specific
        self.generic = generic
        self.random_state = random_state

    def maker(self, table: Labelled) -> "_Fusion":
        """Return what fuses rows of a table."""
        return _Fusion(table, self.confusing, float(self.specific), float(self.generic))


class _Fusion:
    """Pairs of a tail row and a head row, fused feature by feature."""

    def __init__(self, table: Labelled, confusing: int, specific: float, generic: float) -> None:
        self._table, self._confusing, self._specific, self._generic = table, confusing, specific, generic
        self._probe = MeanProbe(table.data, table.members)

    def make(self, position: int, number: int, rng: np.random.Generator) -> Made:
        """Fuse rows of one class with rows of the classes it is confused with."""
        counts = self._table.counts
        larger = np.flatnonzero(counts > counts[position])
        others = larger if len(larger) else np.delete(np.arange(len(counts)), position)
        heads = self._probe.most_confused(position, others)[: self._confusing]
        outcome = {
            "confusing": self._table.labels[heads].tolist(),
            "fallback": None if len(larger) else "classes of fewer rows",
        }
        return Made(self._pieces(position, heads, number, rng), outcome)

    def _pieces(self, position: int, heads: Indices, number: int, rng: np.random.Generator) -> Iterator[NDArray[Any]]:
        own, data = self._table.members[position], self._table.data
        for piece in pieces_of(number):
            size = piece.stop - piece.start
            tail, head_class = data[rng.choice(own, size)], rng.choice(heads, size)
            at = rng.integers(0, self._table.counts[head_class])
            head = data[[self._table.members[h][i] for h, i in zip(head_class, at, strict=True)]]
            yield self._fuse(tail, np.full(size, position), head, head_class)

    def _fuse(self, tail: NDArray[Any], tail_class: Indices, head: NDArray[Any], head_class: Indices) -> NDArray[Any]:
        specific = self._probe.activation(tail, tail_class) > self._specific
        generic = self._probe.activation(head, head_class) < self._generic
        return np.where(specific | ~generic, tail, head)
