"""The over-sampling algorithm as the EOS authors released it: scikit-learn neighbours and a loop over samples.

Written from the description of Dablain et al., arXiv 2207.06080: neighbours of all rows, once to find the rows of a
class that have an enemy among their neighbours and once to look the partners up, then one row at a time. Pairs a base
with the enemy drawn, as the product does by default.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

Rows = NDArray[np.float32]
Labels = NDArray[np.int64]


class ReleasedEOS:
    """Over-sampler with imbalanced-learn's ``fit_resample``.

    Args:
        k: Neighbours per row.
        seed: Of numpy's global generator, which the released code uses.
    """

    def __init__(self, k: int = 10, seed: int = 0) -> None:
        self.k = k
        self.seed = seed

    def fit_resample(self, X: Rows, y: Labels) -> tuple[Rows, Labels]:
        """Balance X (N, D) with labels y (N,): the rows given, then the synthetic ones class by class."""
        random = np.random.RandomState(self.seed)
        shares = enemy_shares(brute_neighbors(X, self.k), y)
        partners = brute_neighbors(X, self.k)
        most = int(np.bincount(y).max())
        rows, labels = [X], [y]
        for label in np.unique(y):
            members = np.flatnonzero((y == label) & (shares.sum(1) > 0))
            missing = most - int((y == label).sum())
            if missing and len(members):
                rows.append(_synthetic(X, members, shares, partners, missing, random))
                labels.append(np.full(missing, label))
        return np.concatenate(rows), np.concatenate(labels)


def brute_neighbors(X: Rows, k: int) -> NDArray[np.int64]:
    """The k nearest rows of every row (N, k), the first column, the row itself, taken off."""
    found: NDArray[np.int64] = NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(X).kneighbors(X)[1]
    return found[:, 1:]


def enemy_shares(neighbors: NDArray[np.int64], y: Labels) -> NDArray[np.float64]:
    """Probability of every neighbour (N, k): uniform over those of another class, zero where there is none."""
    enemy = (y[neighbors] != y[:, None]).astype(np.float64)
    shares: NDArray[np.float64] = enemy / np.maximum(enemy.sum(1, keepdims=True), 1)
    return shares


def _synthetic(
    X: Rows,
    members: NDArray[np.int64],
    shares: NDArray[np.float64],
    partners: NDArray[np.int64],
    number: int,
    random: np.random.RandomState,
) -> Rows:
    made = np.empty((number, X.shape[1]), dtype=X.dtype)
    for row, base in enumerate(random.choice(members, number)):
        position = random.choice(shares.shape[1], p=shares[base])
        made[row] = X[base] + random.rand() * (X[partners[base, position]] - X[base])
    return made
