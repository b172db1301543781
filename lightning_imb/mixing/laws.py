r"""How much of itself a class keeps when its features are weakened, as a function of its size.

All laws are non-increasing in ``n_c``, 1 for the smallest class, within ``[lam_min, 1]``, and 1 everywhere for balanced
counts. In a step imbalance ``fixed``, ``linear`` and ``log`` coincide.

Source:
    Ye, Zhan and Chao 2021, "Procrustean training for imbalanced deep learning" (arXiv 2104.01769), whose law is not
    published in the abstract: this family is our reading. ``power`` has the form of the same authors' class-dependent
    temperatures (arXiv 2001.01385).
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def majors(counts: Tensor, threshold: float | None) -> Tensor:
    """Which classes are major.

    Args:
        counts: ``(K,)`` float64, samples per class.
        threshold: a class with more samples is major, unless none has fewer; None means the mean over the classes,
            which lies between the two sizes of a step imbalance.

    Returns:
        ``(K,)`` bool.
    """
    return (counts > (counts.mean() if threshold is None else threshold)) & (counts > counts.min())


def fixed(counts: Tensor, lam_min: float, threshold: float | None, power: float) -> Tensor:
    """``lam_min`` for major classes, 1 for the others; ``(K,)`` float64."""
    return torch.where(majors(counts, threshold), lam_min, torch.ones_like(counts))


def linear(counts: Tensor, lam_min: float, threshold: float | None, power: float) -> Tensor:
    """``1 - (1 - lam_min) (n_c - n_min) / (n_max - n_min)``; ``(K,)`` float64."""
    return _between(counts, lam_min)


def log(counts: Tensor, lam_min: float, threshold: float | None, power: float) -> Tensor:
    """The linear law of ``log n_c``; ``(K,)`` float64."""
    return _between(counts.log(), lam_min)


def by_power(counts: Tensor, lam_min: float, threshold: float | None, power: float) -> Tensor:
    """``max(lam_min, (n_min / n_c)^power)``; ``(K,)`` float64."""
    return (counts.min() / counts).pow(power).clamp_min(lam_min)


LAWS: dict[str, Callable[[Tensor, float, float | None, float], Tensor]] = {
    "fixed": fixed,
    "step": fixed,
    "linear": linear,
    "log": log,
    "power": by_power,
}


def kept_shares(
    class_counts: Sequence[int] | Tensor, law: str, lam_min: float, threshold: float | None, power: float
) -> Tensor:
    """Share ``lam_c`` that each class keeps of its features.

    Args:
        class_counts: training samples per class, ``(K,)``.
        law: a name of ``LAWS``.
        lam_min: the least share, 0..1.
        threshold: of ``fixed``: more samples make a class major; None is the mean count.
        power: of ``power``, >= 0.

    Returns:
        ``(K,)`` float64.
    """
    counts = torch.as_tensor(class_counts, dtype=torch.float64)
    return LAWS[law](counts, lam_min, threshold, power)


def _between(size: Tensor, lam_min: float) -> Tensor:
    span = size.max() - size.min()
    share = (size - size.min()) / span if span > 0 else torch.zeros_like(size)
    return 1 - (1 - lam_min) * share
