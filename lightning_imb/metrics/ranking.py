"""How well each class is told from the rest by its probability: AUROC and average precision."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lightning_imb.metrics.confusion import FloatArray, Numbers, as_numpy
from lightning_imb.utils.errors import InputError

_AT_ONCE = 2**21  # numbers of float64 held at a time: the logits of 8,142 classes as a whole would take gigabytes
_DECIMALS = 12  # probabilities that are equal, but for the order of sums, differ behind this one of their logarithms


class Ranking(NamedTuple):
    """One number per class, each ``(K,)`` float64 in 0..1; NaN where no sample, or every sample, is of the class."""

    auroc: FloatArray
    ap: FloatArray

    def means(self) -> dict[str, float]:
        """Means over the classes that have a value, by name; without such a class there are none."""
        columns = {name: values[~np.isnan(values)] for name, values in self._asdict().items()}
        return {name: float(values.mean()) for name, values in columns.items() if len(values)}

    def per_class(self) -> dict[str, list[float | None]]:
        """``(K,)`` plain numbers, None for NaN, by name."""
        columns = self._asdict().items()
        return {name: [None if np.isnan(value) else float(value) for value in values] for name, values in columns}


def ranking(logits: Numbers, targets: Numbers) -> Ranking:
    """Rank the samples by the probability of each class, and see where those of the class stand.

    With s the softmax probability of a class, ``P`` samples of the class and ``N`` others:

    * ``auroc``: share of the P * N pairs in which the sample of the class has the larger s; equal ones count half
    * ``ap``: mean over the samples of the class of the precision at their s, which is the share of the class among the
      samples with at least this s (scikit-learn: ``average_precision_score``, without interpolation)

    Probabilities that a float would round to 1 are told apart all the same, see `_ranks_of_top`.

    Args:
        logits: ``(N, K)`` as the network gives them.
        targets: true classes, ``(N,)`` in 0..K-1.

    Returns:
        Both for each class.

    Raises:
        InputError: shapes that do not belong together, no sample, a target outside 0..K-1, or logits without a
            softmax (NaN, +inf).

    Source:
        Measures of the losses compared in arXiv 2204.01729 (AUROC and AP per class and their means).
    """
    given, true = as_numpy(logits), as_numpy(targets)
    if given.ndim != 2 or true.shape != given.shape[:1] or not len(true):
        raise InputError(f"logits and targets have shapes {given.shape} and {true.shape}; give (N, K) and (N,), N >= 1")
    n, k = given.shape
    if not ((true >= 0) & (true < k)).all():
        raise InputError(f"targets run from {true.min()} to {true.max()}; give classes in 0..{k - 1}")
    log_sum, top, sure = _normalisers(given)
    found, members = np.full((2, k), np.nan), _members(true, k)
    step = max(1, _AT_ONCE // n)
    for start in range(0, k, step):
        scores = np.ascontiguousarray(given[:, start : start + step].T, dtype=np.float64)
        scores -= log_sum
        rows = np.flatnonzero((top >= start) & (top < start + step) & ~np.isnan(sure))
        scores[top[rows] - start, rows] = sure[rows]
        for c, values in enumerate(np.round(scores, _DECIMALS, out=scores), start):
            if 0 < len(members[c]) < n:
                found[:, c] = _ranked(values, members[c])
    return Ranking(*found)


def _normalisers(logits: npt.NDArray[np.floating]) -> tuple[FloatArray, npt.NDArray[np.int64], FloatArray]:
    """Of each row: the logarithm of the sum of exponentials, the likeliest class, and its rank from `_ranks_of_top`."""
    n, k = logits.shape
    log_sum, sure, top = np.empty(n), np.empty(n), np.empty(n, dtype=np.int64)
    step = max(1, _AT_ONCE // k)
    for start in range(0, n, step):
        odds, here = logits[start : start + step].astype(np.float64), slice(start, start + step)
        rows, top[here] = np.arange(len(odds)), odds.argmax(axis=1)
        largest = odds[rows, top[here]]
        odds -= largest[:, None]
        np.exp(odds, out=odds)  # of each class to the likeliest one
        odds[rows, top[here]] = 0
        rest = odds.sum(axis=1)
        log_sum[here], sure[here] = largest + np.log1p(rest), _ranks_of_top(rest)
    if not np.isfinite(log_sum).all():
        raise InputError("logits have NaN or infinite entries, so there are no probabilities; give finite numbers")
    return log_sum, top, sure


def _ranks_of_top(rest: FloatArray) -> FloatArray:
    """What stands for ``log s`` of the likeliest class; NaN where s <= 1/2, as ``log s`` itself is exact there.

    Above one half it is ``-log(1 - s) - 2 log 2``: it joins ``log s`` at one half and grows with s as well, but does
    not run into 0 where s is as good as 1.

    Args:
        rest: ``(1 - s) / s``.
    """
    with np.errstate(divide="ignore"):  # alone in the world: infinitely sure
        return np.where(rest < 1, np.log1p(rest) - np.log(rest) - 2 * np.log(2), np.nan)


def _members(targets: npt.NDArray[np.integer], classes: int) -> list[npt.NDArray[np.intp]]:
    """Rows of each class."""
    ends = np.bincount(targets, minlength=classes).cumsum()
    return np.split(np.argsort(targets, kind="stable"), ends[:-1])


def _ranked(scores: FloatArray, members: npt.NDArray[np.intp]) -> tuple[float, float]:
    """AUROC and average precision of one class; only its own samples are looked up among all."""
    ordered, own = np.sort(scores), np.sort(scores[members])
    below, own_below = np.searchsorted(ordered, own, "left"), np.searchsorted(own, own, "left")
    equal = np.searchsorted(ordered, own, "right") - below
    own_equal = np.searchsorted(own, own, "right") - own_below
    wins = (below - own_below) + (equal - own_equal) / 2
    others = len(ordered) - len(own)
    precision = (len(own) - own_below) / (len(ordered) - below)
    return float(wins.sum() / (len(own) * others)), float(precision.mean())
