"""Linear CKA: how similar two layers represent the same images.

Kornblith et al. 2019 (arXiv 1905.00414), section 3; the debiased form with the unbiased HSIC of Song et al. 2012.
Neither is part of the medical-imaging paper that other analyses follow (arXiv 2204.01729); they are added here.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[Any]

AT_ONCE = 1 << 22  # numbers in float64 that one chunk may take
_FEWEST = 4  # rows from which the debiased form is defined
_CONSTANT = 1e-13  # share of the squares that centring leaves of features that only rounding tells apart


def linear_cka(x: Rows, y: Rows, debiased: bool) -> float:
    """Similarity of two sets of features of the same n inputs, by `cka_matrix`."""
    return float(cka_matrix([x], [y], debiased)[0, 0])


def cka_matrix(xs: Sequence[Rows], ys: Sequence[Rows], debiased: bool) -> NDArray[np.float64]:
    """Linear CKA of every set of features in ``xs`` with every one in ``ys``.

    With columns centred, ``||Y^T X||_F^2 / (||X^T X||_F ||Y^T Y||_F)``; or, debiased, ``HSIC1(K, L) / sqrt(HSIC1(K, K)
    HSIC1(L, L))`` with ``K = X X^T``, ``L = Y Y^T`` and zeros on their diagonals. 1 for equal features up to rotation,
    one common scale and shifts. The first is biased upward where n is not much larger than the widths; the second
    fluctuates around 0 for independent features, below it too.

    Args:
        xs: (n, p) each; rows are the same n inputs everywhere. Widths may differ.
        ys: (n, q) each.
        debiased: Which of the two.

    Returns:
        (len(xs), len(ys)); NaN where one side is constant, or debiased with n < 4. In float64, summed over chunks:
        about 200 MB above the features, and never n x n.
    """
    left = np.array([_self_product(x, debiased) for x in xs])
    right = left if ys is xs else np.array([_self_product(y, debiased) for y in ys])
    between = np.array([[_product(x, y, debiased) for y in ys] for x in xs]).reshape(len(xs), len(ys))
    scale = np.sqrt(np.outer(left, right))
    similarity: NDArray[np.float64] = np.divide(between, scale, out=np.full_like(between, np.nan), where=scale > 0)
    return similarity


def _self_product(x: Rows, debiased: bool) -> float:
    """`_product` with itself; 0 where the features do not differ between the inputs."""
    squares = sum(float(np.sum(part**2)) for part in _chunks(x, np.zeros(1)))
    product = _product(x, x, debiased)
    return product if product > (_CONSTANT * squares) ** 2 else 0.0


def _product(x: Rows, y: Rows, debiased: bool) -> float:
    """``||Y^T X||_F^2`` of centred features, or HSIC1 up to the factor ``n (n - 3)``, which cancels in CKA."""
    n = len(x)
    assert n == len(y), "features of the same inputs"
    if not debiased:
        return _squared_norm(x, y)
    if n < _FEWEST:
        return 0.0
    k_rows, k_diagonal = _gram_sums(x)
    l_rows, l_diagonal = _gram_sums(y)
    trace = _squared_norm(x, y) - float(k_diagonal @ l_diagonal)
    # features are centred first: HSIC1 does not change with that, and no large numbers cancel
    grand = float(k_rows.sum() * l_rows.sum()) / ((n - 1) * (n - 2))
    return trace + grand - 2 / (n - 2) * float(k_rows @ l_rows)


def _gram_sums(x: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Row sums (n,) of the Gram matrix of centred rows without its diagonal, and that diagonal (n,)."""
    diagonal = np.concatenate([np.einsum("ij,ij->i", part, part) for part in _centred(x)])
    return -diagonal, diagonal  # centred rows add up to zero, so a whole row of the Gram matrix does


def _squared_norm(x: Rows, y: Rows) -> float:
    """``||Y^T X||_F^2 = sum_ij K_ij L_ij`` of centred rows, by whichever side takes fewer operations."""
    n, p, q = len(x), x.shape[1], y.shape[1]
    if p * q > n * (p + q):
        width = max(n, p, q)
        return sum(float(np.sum(a * b)) for a, b in zip(_gram_rows(x, width), _gram_rows(y, width), strict=True))
    step = max(1, AT_ONCE // q)
    return sum(float(np.sum(_cross(x[:, start : start + step], y) ** 2)) for start in range(0, p, step))


def _cross(x: Rows, y: Rows) -> NDArray[np.float64]:
    """``X^T Y`` (p, q) of centred rows."""
    width = x.shape[1] + y.shape[1]
    cross = np.zeros((x.shape[1], y.shape[1]))
    for part, other in zip(_centred(x, width), _centred(y, width), strict=True):
        cross += part.T @ other
    return cross


def _gram_rows(x: Rows, width: int) -> Iterator[NDArray[np.float64]]:
    """Some rows (m, n) at a time of the Gram matrix of centred rows."""
    for rows in _centred(x, width):
        yield np.concatenate([rows @ part.T for part in _centred(x)], axis=1)


def _centred(x: Rows, width: int = 0) -> Iterator[NDArray[np.float64]]:
    """Some rows at a time, in float64, without the mean of each column; as few as if they were ``width`` wide."""
    return _chunks(x, x.mean(axis=0, dtype=np.float64), width)


def _chunks(x: Rows, shift: NDArray[np.float64], width: int = 0) -> Iterator[NDArray[np.float64]]:
    step = max(1, AT_ONCE // max(width, x.shape[1]))
    for start in range(0, len(x), step):
        yield x[start : start + step] - shift
