"""The linear classifier that follows from the class means, for over-samplers that need a head but have none."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from lightning_imb.resampling.moments import Floats, Moments
from lightning_imb.resampling.pairing import Indices

_BLOCK = 1024  # rows whose distances to the K means are held at once


class MeanProbe:
    """Gaussian classes of one spherical covariance: the nearest class mean wins, and its logits are linear.

    ``z_c(x) = w_c·(x - μ̄) + b_c`` with ``w_c = (μ_c - μ̄)/σ²``, where μ̄ is the mean of the class means and σ² the mean
    within-class variance of a feature. The weights of a trained softmax head point the same way once training has
    brought the rows of each class together (neural collapse: Papyan, Han, Donoho 2020, arXiv 2008.08186).

    Args:
        data: (N, D) float32 or float64.
        members: K arrays of row indices, one for each class, K at least 2.

    Attributes:
        means: μ (K, D) float64.
        variance: σ², at least the smallest positive number.
    """

    def __init__(self, data: NDArray[Any], members: list[Indices]) -> None:
        self._data, self._members = data, members
        moments = Moments(data, members)
        self.means = moments.means
        within = [
            (len(rows) - 1) * moments.variances(position).mean()
            for position, rows in enumerate(members)
            if not moments.borrows(position)
        ]
        freedom = max(1, len(data) - len(members))
        self.variance = max(float(np.sum(within)) / freedom, float(np.finfo(np.float64).tiny))

    def activation(self, rows: NDArray[Any], classes: Indices) -> Floats:
        """Return what each feature of rows (B, D) adds to the logit of its class (B,), as a share of the largest.

        Negative contributions count as 0. Values are in 0..1; a row without a positive contribution has all 0.
        """
        centred = self.means - self.means.mean(axis=0)
        adds = np.maximum(centred[classes] * rows, 0)  # σ² cancels in the share
        largest = adds.max(axis=1, keepdims=True)
        share: Floats = np.divide(adds, largest, out=np.zeros_like(adds), where=largest > 0)
        return share

    def most_confused(self, position: int, candidates: Indices) -> Indices:
        """Sort classes (A,) by their mean probability over the rows of the class at ``position``, highest first.

        Of equal probabilities the class with the nearer mean comes first, then the lower one.
        """
        score = logsumexp(self._log_probabilities(self._members[position]), axis=0)
        distance = np.linalg.norm(self.means - self.means[position], axis=1)
        return candidates[np.lexsort((distance[candidates], -score[candidates]))]

    def _log_probabilities(self, rows: Indices) -> Floats:
        """Sum, a block of rows at a time, the probabilities of the K classes: their logarithms (blocks, K)."""
        blocks = []
        for start in range(0, len(rows), _BLOCK):
            square = cdist(self._data[rows[start : start + _BLOCK]].astype(np.float64), self.means, "sqeuclidean")
            square -= square.min(axis=1, keepdims=True)
            with np.errstate(over="ignore"):  # infinitely far, where all rows of each class are equal
                logits = -square / (2 * self.variance)
            blocks.append(logsumexp(logits - logsumexp(logits, axis=1, keepdims=True), axis=0))
        return np.stack(blocks)
