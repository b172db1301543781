r"""Class weights from class counts, and their schedule over the epochs.

Every vector is computed in float64 and rescaled to sum to K, so that balanced counts give ones.

Source:
    Cui et al. 2019, "Class-balanced loss based on effective number of samples" (arXiv 1901.05555),
    proposition 1: the effective number of class c is ``(1 - beta^n_c) / (1 - beta)``.
    Cao et al. 2019, "Learning imbalanced datasets with label-distribution-aware margin loss"
    (arXiv 1906.07413), algorithm 1: deferred re-weighting (DRW).
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from lightning_imb.losses.checks import checked_choice, checked_counts, checked_number

KINDS = ("none", "inverse", "inverse_sqrt", "effective", "auto")


def class_weights(class_counts: Sequence[int] | Tensor, kind: str, beta: float) -> Tensor:
    """Weights that grow as a class gets rarer.

    Args:
        class_counts: training samples per class, ``(K,)``, each >= 1.
        kind: ``none`` (ones), ``inverse`` (1/n), ``inverse_sqrt`` (1/sqrt(n)), ``effective``
            ((1 - beta) / (1 - beta^n), Cui et al. 2019) or ``auto`` (the choice for who has none: ``inverse``).
        beta: 0..1, read by ``effective`` only. 0 gives ones, 1 the limit 1/n.

    Returns:
        ``(K,)`` float64, sum K.

    Raises:
        InputError: unknown kind, beta outside 0..1, or counts that name an empty class.
    """
    counts = checked_counts(class_counts).to(torch.float64)
    checked_choice("kind of class weights", kind, KINDS)
    checked_number("beta", beta, 0, 1)
    if kind == "none":
        raw = torch.ones_like(counts)
    elif kind in ("inverse", "auto"):
        raw = 1 / counts
    elif kind == "inverse_sqrt":
        raw = counts.rsqrt()
    else:
        raw = _inverse_effective_number(counts, beta)
    return raw * (len(raw) / raw.sum())


def _inverse_effective_number(counts: Tensor, beta: float) -> Tensor:
    """``1 / (1 - beta^n)`` up to a factor that the rescaling removes; both ends of beta are limits."""
    if beta == 0:
        return torch.ones_like(counts)
    if beta == 1:
        return 1 / counts
    return -1 / torch.expm1(counts * math.log(beta))


def drw_weights(
    class_counts: Sequence[int] | Tensor, epoch: int, start: int, beta: float, kind: str = "effective"
) -> Tensor:
    """Deferred re-weighting: ones before epoch ``start``, class weights from ``start`` on.

    A function of the epoch alone, so that a resumed run needs no memory of the epochs before.

    Args:
        class_counts: training samples per class, ``(K,)``, each >= 1.
        epoch: current epoch, 0-based.
        start: first re-weighted epoch, 0-based; 160 of 200 in Cao et al. 2019.
        beta: 0..1, .9999 in Cao et al. 2019.
        kind: weights after ``start``, see `class_weights`; the paper's code uses ``effective``.

    Returns:
        ``(K,)`` float64, sum K.

    Raises:
        InputError: as `class_weights`.
    """
    weights = class_weights(class_counts, kind, beta)
    return weights if epoch >= start else torch.ones_like(weights)
