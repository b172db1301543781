"""The analyses as one would first write them, everything at once or a loop over rows, of a share of the rows."""

from math import comb, log

import numpy as np
from numpy.typing import NDArray
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors

from benchmarks.looking_inside import DRAWS, MAPPED, MATCHED, PERPLEXITY, TOP, Found, Inside

Rows = NDArray[np.float32]
Matrix = NDArray[np.float64]


def gaps(data: Inside, share: int) -> Found:
    """A loop over every so many-th class and its draws, which copies the drawn rows."""
    rng = np.random.default_rng(0)
    raw = wrong = 0.0
    rows = 0
    for c in range(0, data.classes, share):
        train, test = data.z[data.y == c], data.tested[data.truth == c]
        missed = data.answers[data.truth == c] != c
        raw += _gap(train, test)
        wrong += sum(_gap(train, part) for part in (test[missed],) if len(part))
        _draw(train, test, rng)
        rows += len(train)
    return rows, (round(raw, 2), round(wrong, 2))


def _draw(train: Rows, test: Rows, rng: np.random.Generator) -> None:
    least, both = min(len(train), len(test)), np.concatenate([train, test])
    for _ in range(DRAWS):
        _gap(train[rng.permutation(len(train))[:least]], test[rng.permutation(len(test))[:least]])
        order = rng.permutation(len(both))
        _gap(both[order[: len(train)]], both[order[len(train) :]])


def _gap(train: Rows, test: Rows) -> float:
    above = np.maximum(0, test.max(axis=0) - train.max(axis=0))
    below = np.maximum(0, train.min(axis=0) - test.min(axis=0))
    return float(above.sum(dtype=np.float64) + below.sum(dtype=np.float64))


def classification(data: Inside, share: int) -> Found:
    """All of rows x classes x features, of which each row's own class is then taken."""
    z, y = data.z[::share], data.y[::share]
    own = np.abs(z[:, None, :] * data.weight[None, :, :])[np.arange(len(z)), y]
    total, top = 0.0, 0
    for c in np.unique(y):
        magnitude = own[y == c].mean(axis=0, dtype=np.float64)
        total += magnitude.sum()
        top += int(np.argsort(-magnitude, kind="stable")[:TOP].sum())
    np.argsort(-own, axis=1)  # for the frequency
    return len(z), (round(float(total), 1), top)


def diversity_and_density(data: Inside, share: int) -> Found:
    """Counts in dictionaries, row by row."""
    z, y = data.z[::share], data.y[::share]
    counts: dict[int, dict[int, int]] = {}
    rows = {int(c): int(n) for c, n in zip(*np.unique(y, return_counts=True), strict=True)}
    for x, c in zip(z, y.tolist(), strict=True):
        of_class = counts.setdefault(c, {})
        for d in np.argsort(-x, kind="stable")[:TOP].tolist():
            of_class[d] = of_class.get(d, 0) + 1
    effective = sum(_effective([n / (TOP * rows[c]) for n in of_class.values()]) for c, of_class in counts.items())
    distinct = sum(_expected(of_class, rows[c]) for c, of_class in counts.items() if rows[c] >= MATCHED)
    main = np.argsort(-z[y == 0].mean(axis=0, dtype=np.float64), kind="stable")[:TOP].tolist()
    rates = [[counts[c].get(d, 0) / rows[c] for d in main] for c in sorted(counts)]
    ratios = sum(rate / first for of_class in rates for rate, first in zip(of_class, rates[0], strict=True) if first)
    return len(z), (round(effective, 3), round(distinct, 3), round(ratios, 3))


def _effective(shares: list[float]) -> float:
    return float(np.exp(-sum(p * log(p) for p in shares)))


def _expected(contained: dict[int, int], rows: int) -> float:
    possible = comb(rows, MATCHED)
    return sum(1 - comb(rows - n, MATCHED) / possible for n in contained.values())


def neighbourhoods(data: Inside, share: int) -> Found:
    """scikit-learn's neighbours of every so many-th row, among all rows."""
    queried = data.z[::share]
    search = NearestNeighbors(n_neighbors=6, algorithm="brute").fit(data.z)
    found = search.kneighbors(queried, return_distance=False)[:, 1:]  # the first is the row itself
    same = (data.y[found] == data.y[::share, None]).sum(axis=1)
    kinds = (same >= 4, (same == 2) | (same == 3), same == 1, same == 0)
    return len(queried), tuple(int(which.sum()) for which in kinds)


def similarity(data: Inside, share: int) -> Found:
    """Two matrices of rows x rows."""
    left, right = np.split(data.z[::share].astype(np.float64), 2, axis=1)
    one, other = left @ left.T, right @ right.T
    np.fill_diagonal(one, 0)
    np.fill_diagonal(other, 0)
    return len(left), (round(_hsic(one, other) / float(np.sqrt(_hsic(one, one) * _hsic(other, other))), 6),)


def _hsic(one: Matrix, other: Matrix) -> float:
    n = len(one)
    grand = one.sum() * other.sum() / ((n - 1) * (n - 2))
    crossed = one.sum(axis=0) @ other.sum(axis=0)
    return float((np.sum(one * other) + grand - 2 / (n - 2) * crossed) / (n * (n - 3)))


def mapped(data: Inside, share: int) -> Found:
    """scikit-learn's t-SNE of all features of the same points."""
    points = data.z[:: len(data.z) // MAPPED or 1][::share]
    return len(TSNE(perplexity=PERPLEXITY, init="pca", random_state=0).fit_transform(points)), ()
