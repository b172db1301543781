"""How many features two top-K sets share."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from lightning_imb.analysis.top_features import ABSENT


def overlap(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float64]:
    """Overlap of the sets of the same class in two splits, stages or models: ``|A_c & B_c| / K``.

    Indices mean the same features in two networks only where these share the extractor. The measure is that of
    Dablain's published code for another work; for arXiv 2210.09465 it is our reading.

    The top-K of a mean over few rows is noisy: between two parts of one class the overlap is below 1, and falls as the
    class gets smaller, even where both are alike. `lightning_imb.analysis.match_by_chance` says what chance shares.

    Args:
        a: (C, K) feature indices, distinct within a row; -1 throughout for a class without any.
        b: (C, K) the same.

    Returns:
        (C,) in [0, 1]; NaN where a class has none on either side.
    """
    shared = (_sets(a, b) * _sets(b, a)).sum(axis=1) / a.shape[1]
    return np.where(_missing(a) | _missing(b), np.nan, shared)


def overlap_matrix(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float64]:
    """Overlap of the sets of every class in ``a`` with those of every class in ``b``.

    Args:
        a: (C, K) feature indices, distinct within a row; -1 throughout for a class without any.
        b: (B, K) the same.

    Returns:
        (C, B) in [0, 1]; NaN in the rows and columns of classes without features.
    """
    shared = (_sets(a, b) @ _sets(b, a).T).toarray() / a.shape[1]
    return np.where(_missing(a)[:, None] | _missing(b)[None, :], np.nan, shared)


def _sets(features: NDArray[np.int64], other: NDArray[np.int64]) -> csr_array:
    """Sets as rows of ones, wide enough for both; a missing set is an empty row."""
    width = int(max(features.max(initial=0), other.max(initial=0))) + 1
    kept = features != ABSENT
    rows = np.nonzero(kept)[0]
    return csr_array((np.ones(len(rows)), (rows, features[kept])), shape=(len(features), width))


def _missing(features: NDArray[np.int64]) -> NDArray[np.bool_]:
    result: NDArray[np.bool_] = (features == ABSENT).any(axis=1)
    return result
