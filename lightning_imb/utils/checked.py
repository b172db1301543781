"""Checks of single settings: numbers, words, and moments of a training."""

import math
from collections.abc import Collection

from lightning_imb.utils.errors import InputError


def checked_number(name: str, value: float, low: float, high: float = math.inf) -> float:
    """Return ``value`` when it is a finite number in ``[low, high]``.

    Raises:
        InputError: not a number, not finite, or outside the range.
    """
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not number or not low <= value <= high:
        wanted = f">= {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
        raise InputError(f"{name} is {value!r}; give a number {wanted}")
    return float(value)


def checked_whole(name: str, value: int, low: int) -> int:
    """Return ``value`` when it is a whole number from ``low`` on.

    Raises:
        InputError: anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise InputError(f"{name} is {value!r}; give a whole number >= {low}")
    return value


def checked_choice(name: str, value: str, choices: Collection[str]) -> str:
    """Return ``value`` when it is one of ``choices``.

    Raises:
        InputError: any other value.
    """
    if value not in choices:
        raise InputError(f"{name} is {value!r}; choose one of {', '.join(choices)}")
    return value


def checked_flag(name: str, value: bool) -> bool:
    """Return ``value`` when it is true or false.

    Raises:
        InputError: anything else, such as a word that is always true.
    """
    if not isinstance(value, bool):
        raise InputError(f"{name} is {value!r}; give true or false")
    return value


def epoch_of(name: str, moment: int | float, epochs: int) -> int:
    """Turn a moment given as an epoch or as a share of the training into an epoch.

    Args:
        name: what to call it in a message.
        moment: an integer is the epoch itself, 0-based; a float in 0..1 is a share of ``epochs``.
        epochs: epochs of the whole fit, >= 1.

    Returns:
        The epoch, 0-based: ``epoch_of("start", 0.8, 200) == 160``.

    Raises:
        InputError: a negative epoch or a share outside 0..1.
    """
    if isinstance(moment, float) and not 0 <= moment <= 1:
        raise InputError(f"{name} is {moment}; give an integer epoch, or a share of the epochs from 0.0 to 1.0")
    checked_number(name, moment, 0)
    return round(moment * epochs) if isinstance(moment, float) else moment


def start_of(name: str, start: int | float, epochs: int) -> int:
    """The first epoch of what a training begins late, as `epoch_of`, and must not miss.

    A share that would round to the end of a short training is its last epoch.

    Raises:
        InputError: as `epoch_of`, or a start after the last epoch: the training would lack what it is called by.
    """
    epoch = epoch_of(name, start, epochs)
    if isinstance(start, float) and start < 1:
        return min(epoch, epochs - 1)
    if epoch >= epochs:
        raise InputError(f"{name}={start} is never reached in epochs={epochs}: lower it, or train for more epochs")
    return epoch
