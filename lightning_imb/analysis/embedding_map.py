"""Embeddings of a few classes on a plane: which classes, which points, and where they come to lie."""

import importlib
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from lightning_imb.utils.checked import checked_choice, checked_number
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.extras import how_to_install

METHODS = ("tsne", "umap", "pca")

_FEATURES = 50  # what t-SNE and UMAP start from: more features make their neighbour search slow and noisy
_FEWEST = 4  # points; fewer have no neighbourhood that a map could keep


def most_confused(
    targets: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int, n_classes: int
) -> list[int]:
    """Choose the classes that a model confuses most with each other.

    The first two are the pair with the largest sum of the shares that go from one to the other, so that a class counts
    the same however many rows it has. Each further one is the class with the largest sum with those already chosen.

    Args:
        targets: (N,) true classes in 0..K-1.
        predicted: (N,) answers in 0..K-1.
        num_classes: K.
        n_classes: how many classes to choose, from 2 to K.

    Returns:
        The classes, ascending; the first ones where nothing is confused.

    Raises:
        InputError: ``n_classes`` outside 2..K.
    """
    checked_number("n_classes", n_classes, 2, num_classes)
    shares = _confused_shares(targets, predicted, num_classes)
    pairs = shares.tocoo()
    chosen = [0, 1]
    if pairs.nnz:
        at = int(pairs.data.argmax())
        chosen = [int(pairs.row[at]), int(pairs.col[at])]
    while len(chosen) < n_classes:
        gain = np.asarray(shares[chosen].sum(axis=0)).ravel()
        gain[chosen] = -1
        chosen.append(int(gain.argmax()))
    return sorted(chosen)


def at_most(labels: NDArray[np.int64], number: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw at most so many rows of every label, without replacement.

    Args:
        labels: (N,) what the rows are.
        number: how many of each, at least 1.
        rng: what draws.

    Returns:
        The rows drawn, ascending.
    """
    drawn = [
        rng.choice(rows, min(number, len(rows)), replace=False)
        for rows in (np.flatnonzero(labels == label) for label in np.unique(labels))
    ]
    return np.sort(np.concatenate([np.empty(0, dtype=np.int64), *drawn]))


def plane(z: NDArray[Any], method: str, perplexity: float, seed: int) -> NDArray[np.float64]:
    """Map embeddings onto a plane.

    t-SNE (van der Maaten and Hinton 2008) and UMAP (McInnes et al. 2018, arXiv 1802.03426) keep neighbourhoods, not
    distances: the size of a cluster and the way between two say little. PCA is linear and keeps only what the two
    widest directions show. All start from the 50 widest directions where there are more features.

    Args:
        z: (N, D), finite.
        method: ``tsne``, ``umap`` (needs ``umap-learn``) or ``pca``.
        perplexity: of t-SNE, about the number of neighbours it keeps, at least 1; UMAP keeps as many. At most a third
            of the points is used.
        seed: of the starting point.

    Returns:
        (N, 2) positions; the same for the same input and library versions.

    Raises:
        InputError: an unknown method, a perplexity below 1, fewer than four points, or UMAP is not installed.
    """
    checked_choice("method", method, METHODS)
    checked_number("perplexity", perplexity, 1)
    if len(z) < _FEWEST:
        raise InputError(f"{len(z)} points are too few for a map; choose classes with at least {_FEWEST} together")
    umap = require_umap() if method == "umap" else None
    wide = min(2 if method == "pca" else _FEATURES, *z.shape)
    reduced = PCA(wide, random_state=seed).fit_transform(z.astype(np.float64))
    kept = min(perplexity, (len(z) - 1) / 3)
    if method == "tsne":
        placed = TSNE(perplexity=kept, init="pca" if wide > 1 else "random", random_state=seed).fit_transform(reduced)
    elif umap is not None:
        placed = umap.UMAP(n_neighbors=max(2, round(kept)), random_state=seed, n_jobs=1).fit_transform(reduced)
    else:
        placed = np.pad(reduced, [(0, 0), (0, 2 - wide)])
    return np.asarray(placed, dtype=np.float64)


def require_umap() -> ModuleType:
    """Import the umap package.

    Raises:
        InputError: it is not installed.
    """
    try:
        return importlib.import_module("umap")
    except ModuleNotFoundError as error:
        raise InputError(f"method=umap needs umap-learn: {how_to_install('umap')}, or use tsne") from error


def _confused_shares(targets: NDArray[np.int64], predicted: NDArray[np.int64], num_classes: int) -> Any:
    """Share of i taken for j plus share of j taken for i: (K, K), sparse, since few of many pairs are ever confused."""
    wrong = targets != predicted
    rows, columns = targets[wrong], predicted[wrong]
    weight = 1 / np.bincount(targets, minlength=num_classes)[rows]
    shares = sparse.csr_array((weight, (rows, columns)), shape=(num_classes, num_classes))
    return (shares + shares.T).tocsr()
