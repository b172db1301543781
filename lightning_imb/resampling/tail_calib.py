"""TailCalib: rows drawn around each row of a class, with the help of the nearest classes."""

import numbers
from collections.abc import Iterator
from functools import partial
from typing import Any, ClassVar

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from sklearn.utils._param_validation import Interval, StrOptions

from lightning_imb.resampling.arrays import Strategy
from lightning_imb.resampling.class_by_class import ClassByClass, Labelled, Made, pieces_of
from lightning_imb.resampling.gaussian import BORROWED
from lightning_imb.resampling.moments import Floats, Moments
from lightning_imb.resampling.pairing import Indices
from lightning_imb.utils.errors import InputError

_LOG_SHIFT = 1e-6  # what the Tukey transform with λ = 0 adds before the logarithm


class TailCalib(ClassByClass):
    """Over-sample by Gaussian rows around each row of a class, calibrated by the classes nearest to that row.

    A class that needs m rows takes ``⌊m/n⌋`` from each of its n rows and the rest from rows drawn at random. For a
    row x let S be the k classes whose means are nearest to it (its own class may be among them). New rows are drawn
    from (equations 7 and 8 of the paper)

        ``μ' = (x + Σ_{c∈S} μ_c) / (k + 1)``  and  ``Σ' = (1/k)·Σ_{c∈S} Σ_c + α·11ᵀ + ridge·I``.

    The paper L2-normalises the embeddings and takes them to the power λ (Tukey's transform), those of validation and
    test too. This class expects rows transformed so already (``retrain.normalize`` and ``retrain.tukey``).

    Memory: covariances are factored one class at a time, at most D x D float64 each, see
    :class:`~lightning_imb.resampling.moments.Moments`; beside it stand 1024 rows and k indices per row of a class.

    Args:
        sampling_strategy: imbalanced-learn's: ``"auto"`` brings every class to the size of the largest;
            a dict gives targets per class; a float is the binary ratio. The released ``extra_points`` is a dict of
            larger targets.
        k: nearest classes that help, at least 1; more than there are means all of them.
        alpha: α, at least 0, added to every entry of the covariance: all features of a row move together.
        ridge: at least 0, added to its diagonal.
        statistics: ``"transformed"`` computes μ_c and Σ_c of the rows as given, so that they live where x does;
            ``"untransformed"`` is what was released: of the rows before Tukey's transform, which is inverted.
        tukey: λ of the transform that the rows went through, at least 0; read by ``"untransformed"`` only.
            0 means ``log(x + 1e-6)``, 1 none.
        random_state: int, ``numpy.random.RandomState`` or None.

    Attributes:
        sampling_strategy_: number of rows to generate per class.
        report_: one dict per class in ascending order: ``label``, ``n`` rows, ``generated`` rows, ``helpers``: labels
            of the classes that helped, and ``fallback``: where the covariance of a helper of one row came from (the
            released code divides by 0), or None.

    Raises:
        InputError: (``fit_resample``) one class only, or negative rows that no power of λ could have given.

    References:
        Vigneswaran, Law, Balasubramanian, Tapaswi: "Feature Generation for Long-tail Classification", ICVGIP 2021,
        arXiv 2111.05956; released code rahulvigneswaran/TailCalibX, tailcalib_pip/src/tailcalib.py.
    """

    reported = ("helpers", "fallback")
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseOverSampler._parameter_constraints,
        "k": [Interval(numbers.Integral, 1, None, closed="left")],
        "alpha": [Interval(numbers.Real, 0, None, closed="left")],
        "ridge": [Interval(numbers.Real, 0, None, closed="left")],
        "statistics": [StrOptions({"transformed", "untransformed"})],
        "tukey": [Interval(numbers.Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        sampling_strategy: Strategy = "auto",
        k: int = 1,
        alpha: float = 0.0,
        ridge: float = 1e-4,
        statistics: str = "transformed",
        tukey: float = 0.9,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.k = k
        self.alpha = alpha
        self.ridge = ridge
        self.statistics = statistics
        self.tukey = tukey
        self.random_state = random_state

    def maker(self, table: Labelled) -> "_Calibrated":
        """Return what draws around the rows of a table."""
        view = None
        if self.statistics == "untransformed" and self.tukey != 1:
            _require_power(table.data, self.tukey)
            view = partial(untransformed, tukey=float(self.tukey))
        moments = Moments(table.data, table.members, view)
        return _Calibrated(table, moments, min(self.k, len(table.labels)), float(self.alpha), float(self.ridge))


class _Calibrated:
    """One normal distribution per row, from which new rows of its class are drawn."""

    def __init__(self, table: Labelled, moments: Moments, k: int, alpha: float, ridge: float) -> None:
        self._table, self._moments, self._k, self._alpha, self._ridge = table, moments, k, alpha, ridge

    def make(self, position: int, number: int, rng: np.random.Generator) -> Made:
        """Draw rows of one class."""
        rows = self._table.members[position]
        bases = np.repeat(rows, _shares(len(rows), number, rng))
        helpers = self._nearest_classes(bases)
        helping = np.unique(helpers)
        outcome = {
            "helpers": self._table.labels[helping].tolist(),
            "fallback": BORROWED if any(self._moments.borrows(helper) for helper in helping) else None,
        }
        return Made(self._pieces(bases, helpers, rng), outcome)

    def _nearest_classes(self, bases: Indices) -> Indices:
        """Return the k nearest class means (M, k) of each base (M,); of equal distances the lower class."""
        found = np.empty((len(bases), self._k), dtype=np.int64)
        for piece in pieces_of(len(bases)):
            distance = cdist(self._table.data[bases[piece]].astype(np.float64), self._moments.means)
            found[piece] = np.argsort(distance, axis=1, kind="stable")[:, : self._k]
        return found

    def _pieces(self, bases: Indices, helpers: Indices, rng: np.random.Generator) -> Iterator[NDArray[Any]]:
        for piece in pieces_of(len(bases)):
            points, near = self._table.data[bases[piece]].astype(np.float64), helpers[piece]
            noise = np.zeros_like(points)
            for helper in np.unique(near):
                helped, factor = (near == helper).any(axis=1), self._moments.factor(int(helper))
                points[helped] += self._moments.means[helper]
                noise[helped] += rng.standard_normal((int(helped.sum()), len(factor))) @ factor
            noise /= np.sqrt(self._k)
            noise += np.sqrt(self._alpha) * rng.standard_normal((len(noise), 1))
            noise += np.sqrt(self._ridge) * rng.standard_normal(noise.shape)
            yield points / (self._k + 1) + noise


def untransformed(rows: Floats, tukey: float) -> Floats:
    """Return the rows (B, D) from which Tukey's transform with λ = ``tukey`` made these."""
    inverse: Floats = np.exp(rows) - _LOG_SHIFT if tukey == 0 else rows ** (1 / tukey)
    return inverse


def _require_power(data: NDArray[Any], tukey: float) -> None:
    """Refuse rows that are no power of non-negative ones."""
    if tukey > 0 and data.min() < 0:
        raise InputError(
            f"statistics='untransformed' takes rows x^{tukey} with x >= 0, but the smallest is {data.min():.3g}; use "
            "statistics='transformed', or embeddings that end in a ReLU."
        )


def _shares(n: int, number: int, rng: np.random.Generator) -> Indices:
    """Share ``number`` rows among n bases (n,): equally, what is left over at random with replacement."""
    shares = np.full(n, number // n)
    np.add.at(shares, rng.integers(0, n, number % n), 1)
    return shares
