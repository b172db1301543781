"""Accuracy on test sets whose classes are as imbalanced as those of training, or the other way round.

A test set of balanced classes says nothing of how a model does where some classes are more frequent. Eleven priors are
looked at: with ``c = 0..C-1`` numbering the classes from the most to the fewest training images, ``forward_F`` makes
class c ``F^(-c / (C-1))`` times as frequent as the first, ``backward_F`` the reverse, F = 50, 25, 10, 5, 2, and
``uniform`` makes all alike. Classes without test samples are left out and not numbered.

Source:
    Zhang et al. 2022, SADE (arXiv 2107.09249): test_training_cifar.py, data_loader/imbalance_cifar.py;
    Hong et al. 2021, LADE (arXiv 2012.00321).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lightning_imb.metrics.confusion import FloatArray, Numbers, as_numpy
from lightning_imb.utils.errors import InputError

FACTORS = (50, 25, 10, 5, 2)
UNIFORM = "uniform"
SHIFTS = (*(f"forward_{f}" for f in FACTORS), UNIFORM, *(f"backward_{f}" for f in reversed(FACTORS)))
"""Names of the eleven priors, from the one most like training to its opposite."""

_AT_ONCE = 2**18  # logits that all eleven priors are added to before the next ones: few enough for the cache

IntArray = npt.NDArray[np.int64]


def shifted_prior(shift: str, class_counts: Sequence[int], support: npt.ArrayLike) -> FloatArray:
    """Share of each class in a test set with one of the eleven priors.

    Args:
        shift: one of `SHIFTS`.
        class_counts: training samples per class, ``(K,)``; classes with equal counts keep their order.
        support: test samples per class, ``(K,)``; only whether there are any is read.

    Returns:
        ``(K,)`` with sum 1; 0 for a class without test samples.

    Raises:
        InputError: an unknown shift, lengths that differ, or no test sample at all.
    """
    rank = _ranks(class_counts, np.asarray(support))
    share = np.where(rank < 0, 0.0, _profile(shift, rank))
    prior: FloatArray = share / share.sum()
    return prior


def shifted_counts(shift: str, class_counts: Sequence[int], support: npt.ArrayLike) -> IntArray:
    """Test samples per class that a sub-sample with one of the eleven priors has, ``(K,)``.

    The first class has as many as the class with the fewest test samples, so that each can give what it must: on a
    balanced test set that is all of them. The others are rounded down as in the released code, maybe to none.

    Args:
        shift: as `shifted_prior`.
        class_counts: as `shifted_prior`.
        support: test samples per class, ``(K,)``.

    Raises:
        InputError: as `shifted_prior`.
    """
    available = np.asarray(support)
    rank = _ranks(class_counts, available)
    largest = available[rank >= 0].min()
    # a product that is just below a whole number by rounding noise is not the whole number below it
    counts: IntArray = np.where(rank < 0, 0, np.round(largest * _profile(shift, rank), 6)).astype(np.int64)
    return counts


def draw_test_set(shift: str, targets: Numbers, class_counts: Sequence[int], seed: int) -> IntArray:
    """Draw a sub-sample of a test set with one of the eleven priors.

    Args:
        shift: as `shifted_prior`.
        targets: classes of the test samples, ``(N,)`` in 0..K-1.
        class_counts: training samples per class, ``(K,)``.
        seed: of the draw; which samples a class gives depends on nothing but the seed and the class.

    Returns:
        Rows of the test set in rising order, without repetition, as many as `shifted_counts` says.

    Raises:
        InputError: as `shifted_prior`.
    """
    true = as_numpy(targets)
    counts = shifted_counts(shift, class_counts, np.bincount(true, minlength=len(class_counts)))
    rows = [
        np.random.default_rng([seed, c]).permutation(np.flatnonzero(true == c))[:count]
        for c, count in enumerate(counts)
    ]
    return np.sort(np.concatenate(rows))


def expected_top1(recall: npt.ArrayLike, weights: npt.ArrayLike) -> float:
    """Share of right predictions on a test set with other class frequencies: ``sum_c w_c R_c / sum_c w_c``.

    With a prior as weights it is what test sets of that prior have on average, exactly and without drawing any; with
    the counts of `shifted_counts`, what its sub-samples have on average.

    Args:
        recall: of each class, ``(K,)`` in 0..1; that of a class of weight 0 is not read and may be NaN.
        weights: ``(K,)``, >= 0, not all 0.
    """
    share = np.asarray(weights, dtype=np.float64)
    there = share > 0
    return float(np.average(np.asarray(recall, dtype=np.float64)[there], weights=share[there]))


def prior_shift(recall: npt.ArrayLike, support: npt.ArrayLike, class_counts: Sequence[int]) -> dict[str, float]:
    """Expected share of right predictions under each of the eleven priors, the predictions staying as they are.

    Args:
        recall: of each class, ``(K,)``; NaN for a class without test samples.
        support: test samples per class, ``(K,)``.
        class_counts: training samples per class, ``(K,)``.

    Returns:
        Share by shift, in the order of `SHIFTS`.

    Raises:
        InputError: lengths that differ, or no test sample at all.
    """
    return {shift: expected_top1(recall, shifted_prior(shift, class_counts, support)) for shift in SHIFTS}


def known_prior_shift(
    logits: Numbers, targets: Numbers, class_counts: Sequence[int], trained_prior: Sequence[float] | None = None
) -> dict[str, float]:
    """The same for a model that is told the prior of each test set: it predicts ``argmax z + log prior``.

    Right as it is for logits that fit balanced classes, such as those of a logit-adjusted loss. Those of cross entropy
    contain the training prior, which has to be taken out first: ``argmax z - log trained_prior + log prior``.

    Args:
        logits: ``(N, K)``.
        targets: true classes, ``(N,)`` in 0..K-1.
        class_counts: training samples per class, ``(K,)``.
        trained_prior: ``(K,)`` > 0, the prior that the logits contain, such as the training counts; None for none.

    Returns:
        Share by shift, in the order of `SHIFTS`.

    Raises:
        InputError: shapes that do not belong together, or no test sample at all.

    Source:
        Hong et al. 2021 (arXiv 2012.00321): PC-softmax.
    """
    z, true = as_numpy(logits), as_numpy(targets)
    if z.ndim != 2 or z.shape[1] != len(class_counts) or true.shape != z.shape[:1]:
        raise InputError(
            f"logits, targets and class_counts have shapes {z.shape}, {true.shape} and ({len(class_counts)},); "
            "give (N, K), (N,) and (K,)"
        )
    inside = 0.0 if trained_prior is None else np.log(np.asarray(trained_prior, dtype=np.float64))
    support = np.bincount(true, minlength=z.shape[1])
    priors = np.stack([shifted_prior(shift, class_counts, support) for shift in SHIFTS])
    with np.errstate(divide="ignore"):  # a class that cannot occur gets minus infinity, and is never predicted
        hits = _hits(z, true, np.log(priors) - inside)
    recall = hits / np.maximum(support, 1)
    return {shift: expected_top1(*row) for shift, *row in zip(SHIFTS, recall, priors, strict=True)}


def _hits(z: npt.NDArray[np.floating], true: npt.NDArray[np.int64], offsets: FloatArray) -> IntArray:
    """Right predictions of each class, ``(S, K)``, for logits ``(N, K)`` plus each of the offsets ``(S, K)``."""
    kind = np.result_type(z.dtype, np.float32)
    added, hits = offsets.astype(kind), np.zeros(offsets.shape, dtype=np.int64)
    rows = max(1, _AT_ONCE // z.shape[1])
    moved = np.empty((rows, z.shape[1]), dtype=kind)
    for start in range(0, len(z), rows):
        part, labels = z[start : start + rows], true[start : start + rows]
        for offset, found in zip(added, hits, strict=True):
            predicted = np.add(part, offset, out=moved[: len(part)]).argmax(axis=1)
            found += np.bincount(labels[predicted == labels], minlength=len(found))
    return hits


def _ranks(class_counts: Sequence[int], support: npt.NDArray[np.int64]) -> IntArray:
    """Number of each class from the most to the fewest training samples, -1 for one without test samples."""
    if support.shape != (len(class_counts),) or not (support > 0).any():
        raise InputError(
            f"support has shape {support.shape} and sum {support.sum()} for {len(class_counts)} classes; "
            "give the test samples of each class, at least one"
        )
    order = [c for c in np.argsort([-n for n in class_counts], kind="stable") if support[c] > 0]
    ranks = np.full(len(class_counts), -1)
    ranks[order] = np.arange(len(order))
    return ranks


def _profile(shift: str, rank: IntArray) -> FloatArray:
    """Frequency of each class relative to the most frequent one, in 0..1."""
    if shift not in SHIFTS:
        raise InputError(f"shift is '{shift}'; give one of {', '.join(SHIFTS)}")
    direction, _, factor = shift.partition("_")
    steps = max(1, rank.max())
    at = rank if direction == "forward" else rank.max() - rank
    profile: FloatArray = float(factor or 1) ** (-at / steps)
    return profile
