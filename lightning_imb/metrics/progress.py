"""How far training has come with each class: recall, confusion with major classes, gradients of the features.

The quantities are those in which Ye et al. 2021, "Procrustean training for imbalanced deep learning"
(arXiv 2104.01769), describe what imbalance does: minor classes are under-fitted first, their samples taken for major
ones, and then get much larger gradients with respect to their features.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lightning_imb.metrics.frequency_groups import FrequencyGroups


def linear_gradient_norms(weight: Tensor, logits: Tensor, target: Tensor) -> Tensor:
    """Norm of the gradient of each sample's cross entropy with respect to its features, for a linear head.

    ``|| W^T (softmax(z) - t) ||_2``, with t one-hot or given shares. It is of the loss of the sample, not of the mean
    of a batch, whose gradient depends on how many samples there are.

    Args:
        weight: of the head, ``(K, D)``.
        logits: ``(N, K)``.
        target: ``(N,)`` int64 labels, or ``(N, K)`` floating shares that sum to 1.

    Returns:
        ``(N,)``, >= 0.
    """
    error = logits.softmax(dim=1)
    if target.ndim == 1:
        error = error.scatter_add(1, target.unsqueeze(1), -torch.ones_like(error[:, :1]))
    else:
        error = error - target
    return _norms(error @ weight)


def gradient_norms(total: Callable[[Tensor], Tensor], z: Tensor) -> Tensor:
    """Norm of the gradient of a sum of losses with respect to the features of each sample.

    Only the features get a gradient: those of the head's weights are neither made nor touched.

    Args:
        total: maps features ``(N, D)`` to the sum of the losses of their samples.
        z: ``(N, D)``.

    Returns:
        ``(N,)``, >= 0.
    """
    with torch.enable_grad():
        rows = z.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(total(rows), rows)
    return _norms(gradient)


def _norms(rows: Tensor) -> Tensor:
    norms: Tensor = torch.linalg.vector_norm(rows, dim=1)
    return norms


def class_means(values: Tensor, target: Tensor, classes: int) -> Tensor:
    """Mean of a value over the samples of each class.

    Args:
        values: ``(N,)``.
        target: ``(N,)`` int64 in 0..K-1.
        classes: K.

    Returns:
        ``(K,)`` float64; NaN for a class without samples.
    """
    sums = torch.zeros(classes, dtype=torch.float64).index_add_(0, target, values.double())
    return sums / torch.bincount(target, minlength=classes)


def share_taken_for(predicted: Tensor, target: Tensor, taken: Sequence[int], source: Sequence[int]) -> float:
    """Share of the samples of some classes that are predicted as any of some others.

    Args:
        predicted: ``(N,)`` predicted classes.
        target: ``(N,)`` true classes.
        taken: the predicted classes that count, such as the major ones.
        source: the true classes whose samples are looked at, such as the minor ones; at least one of them is there.
    """
    looked_at = torch.isin(target, torch.tensor(source))
    return float(torch.isin(predicted[looked_at], torch.tensor(taken)).double().mean())


def progress_summary(
    predicted: Tensor, target: Tensor, gradients: Tensor | None, classes: int, groups: FrequencyGroups, per_class: bool
) -> dict[str, float]:
    """Sum up one look at the training set.

    Args:
        predicted: ``(N,)`` int64 predicted classes.
        target: ``(N,)`` int64 true classes, each class at least once.
        gradients: ``(N,)`` norm of the feature gradient of each sample; None where it is not known.
        classes: K.
        groups: which classes are major and minor.
        per_class: whether to give the values of every class.

    Returns:
        ``recall/<c>``, ``gradient/<c>`` (mean over the class); ``recall_<group>``, ``gradient_<group>`` (means over
        the classes of the group); ``gradient_total_<group>`` (sum over its samples); ``gradient_ratio`` (minor to
        major, left out where the major classes have no gradient); ``minor_to_major`` (share of the minor classes'
        samples that is taken for a major class). A group without classes has no entry.
    """
    found = {"recall": class_means((predicted == target).double(), target, classes)}
    if gradients is not None:
        found["gradient"] = class_means(gradients, target, classes)
    entries: dict[str, float] = {}
    for name, values in found.items():
        if per_class:
            entries |= {f"{name}/{c}": value for c, value in enumerate(values.tolist())}
        entries |= {f"{name}_{group}": float(values[list(of)].mean()) for group, of in groups._asdict().items() if of}
    if groups.minor:
        entries["minor_to_major"] = share_taken_for(predicted, target, groups.major, groups.minor)
    if gradients is not None:
        entries |= _totals(found["gradient"] * torch.bincount(target, minlength=classes), groups)
        if entries.get("gradient_major"):
            entries["gradient_ratio"] = entries["gradient_minor"] / entries["gradient_major"]
    return entries


def _totals(totals: Tensor, groups: FrequencyGroups) -> dict[str, float]:
    return {f"gradient_total_{group}": float(totals[list(of)].sum()) for group, of in groups._asdict().items() if of}
