"""Checks of what a user gives to a loss: class counts, class weights, numbers and choices."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lightning_imb.utils.checked import checked_choice, checked_number
from lightning_imb.utils.errors import InputError

__all__ = ["checked_choice", "checked_counts", "checked_number", "checked_positive", "checked_weights"]


def checked_counts(class_counts: Sequence[int] | Tensor) -> Tensor:
    """Return the class counts as a new int64 tensor on the CPU.

    Args:
        class_counts: training samples per class, ``(K,)``, whole numbers >= 1, K >= 2.

    Returns:
        ``(K,)`` int64.

    Raises:
        InputError: fewer than two classes, a number that is not whole, a negative or a zero count.
    """
    counts = torch.as_tensor(class_counts)
    if counts.ndim != 1 or counts.numel() < 2:
        raise InputError(f"class_counts has shape {tuple(counts.shape)}; give one count for each of >= 2 classes")
    if counts.is_floating_point() or counts.dtype == torch.bool:
        raise InputError(f"class_counts is {counts.tolist()}; give whole numbers of training samples")
    if bool((counts < 0).any()):
        raise InputError(f"class_counts is {counts.tolist()}; a count cannot be negative")
    empty = (counts == 0).nonzero().flatten().tolist()
    if empty:
        raise InputError(
            f"classes {empty} have no training sample, so no loss can weigh them; "
            "lower the imbalance ratio or leave these classes out of the data"
        )
    return counts.to(device="cpu", dtype=torch.int64, copy=True)


def checked_weights(weights: Sequence[float] | Tensor, num_classes: int) -> Tensor:
    """Return given class weights as a new float64 tensor on the CPU, values unchanged.

    Args:
        weights: one finite number >= 0 per class, ``(K,)``, at least one of them > 0.
        num_classes: K.

    Returns:
        ``(K,)`` float64.

    Raises:
        InputError: wrong length, a value that is not finite or is negative, or all values zero.
    """
    try:
        values = torch.as_tensor(weights).detach().to(device="cpu", dtype=torch.float64, copy=True)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"class weights are {weights!r}; give a list of {num_classes} numbers >= 0") from error
    if values.shape != (num_classes,):
        raise InputError(
            f"class weights have shape {tuple(values.shape)} for {num_classes} classes; give one per class"
        )
    if not bool(torch.isfinite(values).all()) or bool((values < 0).any()) or not bool((values > 0).any()):
        raise InputError(f"class weights are {values.tolist()}; give finite numbers >= 0, at least one of them above 0")
    return values


def checked_positive(name: str, value: float) -> float:
    """Return ``value`` when it is a finite number above 0.

    Raises:
        InputError: anything else.
    """
    if checked_number(name, value, 0) == 0:
        raise InputError(f"{name} is {value!r}; give a number above 0")
    return float(value)
