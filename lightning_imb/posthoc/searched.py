"""Methods with one number that is given, or searched on validation data."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from lightning_imb.posthoc.base import Adjusted, Given, PostHoc
from lightning_imb.utils.checked import checked_number
from lightning_imb.utils.errors import InputError

SEARCH = "search"
TENTHS_TO_2 = tuple(i / 10 for i in range(21))
"""0, 0.1, ..., 2: the grid that Kang et al. 2020 search tau in."""
_EQUAL = 1e-9  # means of the same recalls in another order differ in the last bit


class SearchedPostHoc(PostHoc):
    """A method with one number, 0 for the head as it is.

    A search takes the number with the best balanced accuracy on the validation set, of equal ones the nearest to 0.
    A validation set held out of imbalanced classes has few images of the rare ones, so ties are common, and scores on
    the set that was searched on are optimistic.

    Args:
        value: A number >= 0, or ``search``.
        grid: Numbers >= 0 that a search tries.

    Raises:
        InputError: If the value or the grid is something else.
    """

    parameter: ClassVar[str]
    """Name of the number, in configs and reports."""

    def __init__(self, value: float | str, grid: Sequence[float]) -> None:
        self.value = number_or_search(f"posthoc.{self.parameter}", value, 0)
        if not isinstance(grid, list | tuple) or not grid:
            raise InputError(f"posthoc.grid is {grid!r}; give a list of numbers such as [0, 0.5, 1]")
        self.grid = [checked_number("an entry of posthoc.grid", number, 0) for number in grid]

    @abstractmethod
    def head_for(self, given: Given, value: float) -> nn.Module:
        """The head that one number makes."""

    def check(self, given: Given) -> None:
        """Refuse a search without validation data."""
        super().check(given)
        if self.value is None:
            require_val(given, f"posthoc.{self.parameter}", "1")

    def _adjust(self, given: Given) -> Adjusted:
        value, tried = self._search(given) if self.value is None else (self.value, {})
        report = {"posthoc": self.name, self.parameter: value, "searched_on": "val" if tried else None}
        return Adjusted(self.head_for(given, value), report | self._settings() | tried)

    def _settings(self) -> dict[str, Any]:
        """Settings beside the number, for the report."""
        return {}

    def _search(self, given: Given) -> tuple[float, dict[str, Any]]:
        assert given.val is not None, "check() was called"
        z, target = given.val()
        found = [balanced_accuracy(self.head_for(given, value)(z), target) for value in self.grid]
        return best_of(self.grid, found), {"grid": self.grid, "val_bacc": found}


def number_or_search(key: str, value: float | str, low: float, high: float = math.inf) -> float | None:
    """The number that was given, None for a search.

    Raises:
        InputError: If the value is another word, or out of range.
    """
    if value == SEARCH:
        return None
    if isinstance(value, str):
        raise InputError(f"{key} is {value!r}; give a number, or {SEARCH}")
    return checked_number(key, value, low, high)


def require_val(given: Given, key: str, number: str) -> None:
    """Refuse a search where there is nothing to search on.

    Raises:
        InputError: If there are no validation data.
    """
    if given.val is None:
        raise InputError(
            f"{key}={SEARCH} needs validation images, and this protocol holds none out: "
            f"give a number such as {key}={number}, or train with protocol=holdout"
        )


def best_of(grid: Sequence[float], found: Sequence[float]) -> float:
    """The number with the highest score, of equal ones the nearest to 0."""
    top = max(found) - _EQUAL
    return min(value for value, score in zip(grid, found, strict=True) if score >= top)


def balanced_accuracy(logits: Tensor, target: Tensor) -> float:
    """Mean recall over the classes that the labels hold.

    Args:
        logits: (N, K).
        target: (N,) labels, N >= 1.
    """
    hits = torch.bincount(target[logits.argmax(1) == target], minlength=logits.shape[1])
    support = torch.bincount(target, minlength=logits.shape[1])
    present = support > 0
    return float((hits[present] / support[present].double()).mean())
