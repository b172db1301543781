"""The confusion matrix of saved predictions, in numpy."""

import numpy as np


def confusion_matrix(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Count how often class i (row) was taken for class j (column).

    Args:
        logits: (N, K).
        targets: (N,) in 0..K-1.

    Returns:
        (K, K) int64; row sums are the class counts of ``targets``.
    """
    k = logits.shape[1]
    flat = targets.astype(np.int64) * k + logits.argmax(axis=1)
    return np.bincount(flat, minlength=k * k).reshape(k, k)


def row_shares(confusion: np.ndarray) -> np.ndarray:
    """Divide each row by its sum; rows of absent classes become NaN.

    Args:
        confusion: (K, K) counts.

    Returns:
        (K, K) float64 in [0, 1].
    """
    total = confusion.sum(axis=1, keepdims=True).astype(np.float64)
    shares = np.full(confusion.shape, np.nan)
    np.divide(confusion, total, out=shares, where=total > 0)
    return shares


def recalls(confusion: np.ndarray) -> list[float | None]:
    """Recall of each class; None for a class without samples.

    Args:
        confusion: (K, K) counts.
    """
    return [None if np.isnan(value) else float(value) for value in np.diag(row_shares(confusion))]
