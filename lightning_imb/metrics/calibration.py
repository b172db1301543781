"""How far the confidence of predictions is from their accuracy: reliability bins, ECE and MCE."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lightning_imb.metrics.confusion import FloatArray, Numbers, as_numpy
from lightning_imb.utils.errors import InputError

BINS = 15
_AT_ONCE = 2**22  # logits whose exponentials are held at a time: those of 8,142 classes would take gigabytes


class Reliability(NamedTuple):
    """Predictions sorted into bins of equal width by their confidence, ``(M,)`` float64 each.

    ``samples`` counts the predictions of a bin; ``confidence`` and ``accuracy`` are the means over them, in 0..1, and
    NaN where there are none.
    """

    samples: FloatArray
    confidence: FloatArray
    accuracy: FloatArray

    @property
    def ece(self) -> float:
        """Expected calibration error: mean gap between accuracy and confidence, each bin weighted by its samples."""
        return float(np.nansum(self.samples * self.gap) / self.samples.sum())

    @property
    def mce(self) -> float:
        """Maximum calibration error: the largest gap of a bin that has predictions."""
        return float(np.nanmax(self.gap))

    @property
    def gap(self) -> FloatArray:
        """``|accuracy - confidence|`` of each bin, NaN where it has no predictions."""
        gap: FloatArray = np.abs(self.accuracy - self.confidence)
        return gap

    def rows(self) -> list[list[float | None]]:
        """``(M, 3)`` samples, confidence and accuracy of each bin, from plain numbers; None for NaN."""
        columns = (self.samples, self.confidence, self.accuracy)
        return [[None if np.isnan(value) else float(value) for value in row] for row in zip(*columns, strict=True)]


def reliability(logits: Numbers, targets: Numbers, bins: int = BINS) -> Reliability:
    """Bin the predictions of logits by their confidence, the largest softmax probability.

    Args:
        logits: ``(N, K)`` as the network gives them: those of a cosine head already multiplied by its scale.
        targets: true classes, ``(N,)`` in 0..K-1.
        bins: number M of bins, >= 1.

    Returns:
        The bins.

    Raises:
        InputError: shapes that do not belong together, not one prediction, or no bin.

    Source:
        Guo et al. 2017 (arXiv 1706.04599), equations 3 and 5; 15 bins as dvlab-research/MiSLAS: utils/metric.py.
    """
    scaled, true = as_numpy(logits), as_numpy(targets)
    if scaled.ndim != 2 or true.shape != scaled.shape[:1]:
        raise InputError(f"logits and targets have shapes {scaled.shape} and {true.shape}; give (N, K) and (N,)")
    return binned(confidences(scaled), scaled.argmax(axis=1) == true, bins)


def binned(confidence: npt.ArrayLike, correct: npt.ArrayLike, bins: int = BINS) -> Reliability:
    """Bin predictions by confidence: bin m holds those in ``(m / M, (m + 1) / M]``, a confidence of 0 the first one.

    Args:
        confidence: ``(N,)`` in 0..1.
        correct: ``(N,)``, whether each prediction is right.
        bins: number M of bins, >= 1.

    Returns:
        The bins.

    Raises:
        InputError: as `reliability`, or a confidence outside 0..1.
    """
    sure, right = np.asarray(confidence, dtype=np.float64), np.asarray(correct, dtype=np.float64)
    if bins < 1:
        raise InputError(f"bins is {bins}; give at least 1")
    if sure.ndim != 1 or sure.shape != right.shape or sure.size == 0:
        raise InputError(f"confidence and correct have shapes {sure.shape} and {right.shape}; give (N,) each, N >= 1")
    if not ((sure >= 0) & (sure <= 1)).all():  # written so that NaN fails, too
        raise InputError("confidence has entries outside 0..1 or NaN; give probabilities")
    at = np.maximum(np.searchsorted(np.linspace(0, 1, bins + 1), sure, side="left") - 1, 0)
    count = np.bincount(at, minlength=bins).astype(np.float64)
    return Reliability(count, _means(at, sure, count), _means(at, right, count))


def confidences(logits: npt.NDArray[np.floating]) -> FloatArray:
    """Largest softmax probability of each row of logits ``(N, K)``: ``1 / sum_c exp(z_c - max z)``."""
    rows, largest = max(1, _AT_ONCE // logits.shape[1]), np.empty(len(logits))
    for start in range(0, len(logits), rows):
        part = logits[start : start + rows].astype(np.float64)
        largest[start : start + rows] = 1 / np.exp(part - part.max(axis=1, keepdims=True)).sum(axis=1)
    return largest


def _means(at: npt.NDArray[np.intp], values: FloatArray, count: FloatArray) -> FloatArray:
    """Mean of a value in each bin, NaN where there is none."""
    means = np.full(len(count), np.nan)
    np.divide(np.bincount(at, values, minlength=len(count)), count, out=means, where=count > 0)
    return means
