"""EOS written with loops, and data to try it on."""

import numpy as np
from sklearn.neighbors import NearestNeighbors

FALLBACKS = ["nearest_enemy", "smote", "random"]


def blobs(counts, features=5, spread=1.0, seed=0, dtype=np.float64):
    """Overlapping Gaussian classes in shuffled order."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    centres = rng.normal(size=(len(counts), features))
    return (centres[y] + spread * rng.normal(size=(len(y), features))).astype(dtype), y


def naive_pairs(X, y, k, variant):
    """Base -> set of possible partners, written from the paper's algorithm with loops (distinct rows)."""
    table = NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(X).kneighbors(X, return_distance=False)
    pairs = {}
    for i in range(len(X)):
        enemies = [j for j in range(k) if y[table[i, j + 1]] != y[i]]
        partners = {int(table[i, j + 1 if variant == "corrected" else j]) for j in enemies}
        if partners:
            pairs[i] = partners
    return pairs


def explain(row, X, bases_and_partners):
    """All (base, partner, r) with ``row = base + r (partner - base)`` and r in [0, 1)."""
    found = []
    for i, partners in bases_and_partners.items():
        for p in partners:
            step, offset = X[p] - X[i], row - X[i]
            length = step @ step
            r = (offset @ step) / length if length > 0 else 0.0
            if np.allclose(offset, r * step, atol=1e-9) and -1e-12 <= r < 1:
                found.append((i, p, r))
    return found
