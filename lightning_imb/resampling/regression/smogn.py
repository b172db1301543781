"""SMOGN: rare targets are over-sampled by interpolation where neighbours are near, by noise where they are far."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from lightning_imb.resampling.pairing import Indices
from lightning_imb.resampling.regression.base import Floats, Made, RegressionResampler, Resampled
from lightning_imb.resampling.regression.between import draw_neighbors, smoter
from lightning_imb.resampling.regression.noise import noisy
from lightning_imb.resampling.regression.rarity import Partition, Points, Rarity
from lightning_imb.utils.checked import checked_choice, checked_flag, checked_number, checked_whole

_DISTANCES = 2**22  # held at once


class SMOGN(RegressionResampler):
    """Bring every run of rare or normal targets to its size: SMOTE for regression and noise above, a draw below.

    Sorted targets fall into partitions, maximal runs of rare or of normal ones. A partition of n_b rows of B = N /
    partitions gets B rows (``balance``), or a number proportional to ``B²/n_b`` of the same sum (``extreme``, which
    turns the frequencies round). It is usually the rare ones that have fewer rows and the normal ones that have more;
    as in the released code the sizes alone decide. A larger partition keeps that many of its rows, drawn without
    replacement. In a smaller one every row becomes a base equally often, up to one, and for each base i

    - one of its k nearest rows p of the same partition is drawn;
    - if ``d_ip < m_i``, half the median distance of i to the other rows of the partition, the new row lies between
      both (:func:`~lightning_imb.resampling.regression.between.smoter`);
    - else it is the base with Gaussian noise of ``min(m_i, perturbation)`` standard deviations of the partition on
      every feature and the target (ddof 1).

    In many dimensions distances resemble each other and few neighbours are that near, so that most new rows are noisy
    copies; the report counts both kinds. A partition of one row is repeated as it is. Distances are Euclidean, of all
    features; in the released code the last feature alone weighs the targets of a pair.

    Args:
        relevance: ``extremes`` (box-plot outliers, the paper), ``density`` (sparse bins, our reading, for rare values
            that are no extremes), or control points ``[[target, relevance], ...]``.
        threshold: Relevance from which a target is rare, in 0..1; the paper has 0.8, the released code 0.5.
        bins: Number of bins or their edges, for ``density`` alone.
        percentages: ``balance`` or ``extreme``.
        under: Whether partitions that are too large lose rows; false keeps all.
        k: Neighbours that a partner is drawn from, at least 1.
        perturbation: Most noise, in standard deviations, >= 0.
        random_state: int, ``numpy.random.RandomState`` or None.

    Attributes:
        report_: One dict per partition: ``bin``, ``real`` rows, ``kept`` of them, ``made`` ones, ``rare``, and of those
            made how many are ``interpolated`` and ``noisy``; the rest are copies.
        n_real_: Rows kept, of all partitions.

    Raises:
        InputError: If a setting is out of range, or if no target is rare or none is normal.

    Source:
        Branco, Torgo, Ribeiro 2017, "SMOGN: a pre-processing approach for imbalanced regression", PMLR 74;
        paobranco/UBL: R/smognRegress.R.
    """

    def __init__(
        self,
        *,
        relevance: str | Points = "extremes",
        threshold: float = 0.8,
        bins: int | Sequence[float] | None = None,
        percentages: str = "balance",
        under: bool = True,
        k: int = 5,
        perturbation: float = 0.02,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        super().__init__(random_state)
        self.rarity = Rarity(relevance, threshold, bins, "resampler")
        self.percentages = checked_choice("resampler.percentages", percentages, ("balance", "extreme"))
        self.under = checked_flag("resampler.under", under)
        self.k = checked_whole("resampler.k", k, 1)
        self.perturbation = checked_number("resampler.perturbation", perturbation, 0)

    def check_targets(self, y: ArrayLike) -> None:
        """Refuse targets of which all are rare, and warn of those of which none is."""
        self.rarity.check(np.asarray(y, dtype=np.float64))

    def _resample(self, z: NDArray[Any], y: Floats, seed: int) -> Resampled:
        partitions = self.rarity.partitions(y)
        sizes = wanted_sizes([len(partition.rows) for partition in partitions], self.percentages)
        kept, made, report = [], [], []
        for position, (partition, size) in enumerate(zip(partitions, sizes, strict=True)):
            rng, rows = np.random.default_rng([seed, position]), partition.rows
            stays = rng.choice(rows, size, replace=False) if self.under and size < len(rows) else rows
            number, kinds = max(0, size - len(rows)), {"interpolated": 0, "noisy": 0}
            if number:
                new, kinds = self._raise(z, y, rows, number, rng)
                made.append(new)
            kept.append(stays)
            report.append({**_counts(partition, len(stays), number), **kinds})
        return Resampled(np.sort(np.concatenate(kept)), made, report)

    def _raise(
        self, z: NDArray[Any], y: Floats, rows: Indices, number: int, rng: np.random.Generator
    ) -> tuple[Made, dict[str, int]]:
        """Make rows of one partition, and count of which kind they are."""
        bases = _equally_often(rows, number, rng)
        if len(rows) == 1:
            return Made(z[bases], y[bases]), {"interpolated": 0, "noisy": 0}
        partners = draw_neighbors(z, rows, bases, self.k, rng)
        reach = half_median_distances(z, rows, bases)
        near = np.linalg.norm(z[bases].astype(np.float64) - z[partners], axis=1) < reach
        made = Made(np.empty((number, z.shape[1]), z.dtype), np.empty(number))
        scale = np.minimum(reach[~near], self.perturbation)
        made.z[near], made.y[near] = smoter(z, y, bases[near], partners[near], rng)
        made.z[~near], made.y[~near] = noisy(z, y, rows, bases[~near], (scale, scale), rng)
        return made, {"interpolated": int(near.sum()), "noisy": int((~near).sum())}


def wanted_sizes(counts: Sequence[int], percentages: str) -> list[int]:
    """Rows that each partition is to have, at least 1.

    Args:
        counts: Rows of each partition, at least 1.
        percentages: ``balance``: all the same; ``extreme``: proportional to ``B²/n_b``; the sum stays the same but
            for rounding.
    """
    sizes = np.asarray(counts, dtype=np.float64)
    mean = sizes.mean()
    wanted = np.full(len(sizes), mean) if percentages == "balance" else mean**2 / sizes
    wanted *= sizes.sum() / wanted.sum()
    return [max(1, round(float(size))) for size in wanted]


def half_median_distances(z: NDArray[Any], rows: Indices, bases: Indices) -> Floats:
    """Half the median distance of each base (M,) to the other ``rows``, of which it is one; at least two."""
    queried, at = np.unique(bases, return_inverse=True)
    halves = np.empty(len(queried))
    # in ascending order the row itself comes first, at distance 0
    middle = [1 + (len(rows) - 2) // 2, 1 + (len(rows) - 1) // 2]
    step = max(1, _DISTANCES // len(rows))
    for start in range(0, len(queried), step):
        distances = cdist(z[queried[start : start + step]], z[rows])
        halves[start : start + step] = np.partition(distances, middle, axis=1)[:, middle].mean(axis=1) / 2
    result: Floats = halves[at]
    return result


def _equally_often(rows: Indices, number: int, rng: np.random.Generator) -> Indices:
    """Draw ``number`` of the rows (n,), each one equally often up to one time more; ascending."""
    more = rng.choice(rows, number % len(rows), replace=False)
    return np.sort(np.concatenate([np.repeat(rows, number // len(rows)), more]))


def _counts(partition: Partition, kept: int, made: int) -> dict[str, Any]:
    name = f"{partition.low:.6g} to {partition.high:.6g}"
    return {"bin": name, "real": len(partition.rows), "kept": kept, "made": made, "rare": partition.rare}
