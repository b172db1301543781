"""Gaussian over-sampling: rows drawn from a normal distribution fitted to each class."""

import numbers
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from lightning_imb.resampling.arrays import Strategy
from lightning_imb.resampling.class_by_class import ClassByClass, Labelled, Made, pieces_of
from lightning_imb.resampling.moments import Moments

BORROWED = "mean covariance of the other classes"


class Gaussian(ClassByClass):
    """Over-sample by rows drawn from ``N(μ_c, Σ_c)``, the mean and covariance of the class's own rows.

    The plainest member of the family of Yang et al. 2021 (arXiv 2101.06395), who take the features of a class to be
    Gaussian: here no other class helps, unless a class has one row only, which then takes the mean covariance of the
    classes with two rows or more. Drawn features may be negative where the rows are not.

    Memory: covariances are factored one class at a time, at most D x D float64 each, see
    :class:`~lightning_imb.resampling.moments.Moments`.

    Args:
        sampling_strategy: imbalanced-learn's: ``"auto"`` brings every class to the size of the largest;
            a dict gives targets per class; a float is the binary ratio.
        covariance: ``"full"``, or ``"diagonal"``: features independent of each other.
        shrinkage: s in 0..1: ``Σ ← (1 - s)·Σ + s·(trace Σ / D)·I``; 0 keeps Σ, and the rows of a class of n rows in
            the n - 1 dimensions that its own rows span.
        random_state: int, ``numpy.random.RandomState`` or None.

    Attributes:
        sampling_strategy_: number of rows to generate per class.
        report_: one dict per class in ascending order: ``label``, ``n`` rows, ``generated`` rows, and ``fallback``:
            where the covariance of a single row came from, or None.

    Raises:
        InputError: (``fit_resample``) one class only.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseOverSampler._parameter_constraints,
        "covariance": [StrOptions({"full", "diagonal"})],
        "shrinkage": [Interval(numbers.Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        *,
        sampling_strategy: Strategy = "auto",
        covariance: str = "full",
        shrinkage: float = 0.0,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.covariance = covariance
        self.shrinkage = shrinkage
        self.random_state = random_state

    def maker(self, table: Labelled) -> "_Gaussians":
        """Return what draws from the classes of a table."""
        moments = Moments(table.data, table.members)
        return _Gaussians(moments, diagonal=self.covariance == "diagonal", shrinkage=float(self.shrinkage))


class _Gaussians:
    """One normal distribution per class."""

    def __init__(self, moments: Moments, *, diagonal: bool, shrinkage: float) -> None:
        self._moments, self._diagonal, self._shrinkage = moments, diagonal, shrinkage

    def make(self, position: int, number: int, rng: np.random.Generator) -> Made:
        """Draw rows of one class."""
        borrowed = BORROWED if self._moments.borrows(position) else None
        return Made(self._pieces(position, number, rng), {"fallback": borrowed})

    def _pieces(self, position: int, number: int, rng: np.random.Generator) -> Iterator[NDArray[Any]]:
        variances = self._moments.variances(position)
        factor = None if self._diagonal else self._moments.factor(position)
        kept, spread = 1 - self._shrinkage, np.sqrt(self._shrinkage * variances.mean())
        for piece in pieces_of(number):
            size = piece.stop - piece.start
            if factor is None:
                noise = rng.standard_normal((size, len(variances))) * np.sqrt(variances)
            else:
                noise = rng.standard_normal((size, len(factor))) @ factor
            noise *= np.sqrt(kept)
            if spread > 0:
                noise += spread * rng.standard_normal(noise.shape)
            yield self._moments.means[position] + noise
