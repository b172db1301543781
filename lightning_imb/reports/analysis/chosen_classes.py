"""Which classes a figure has room for."""

from collections.abc import Sequence
from typing import NamedTuple

from lightning_imb.reports.confusion import head_to_tail
from lightning_imb.reports.style import MANY_LABELS


class ChosenClasses(NamedTuple):
    """Classes of a figure, from the most to the fewest training images.

    Attributes:
        order: Their positions among all classes.
        note: What is shown, as the second line of a title; empty where all are.
    """

    order: list[int]
    note: str


def chosen_classes(counts: Sequence[int], most: int = MANY_LABELS) -> ChosenClasses:
    """Choose all classes or, of more than there is room for, both ends of their order by training images.

    Args:
        counts: (C,) training images per class.
        most: How many there is room for.
    """
    order = head_to_tail(counts)
    if len(order) <= most:
        return ChosenClasses(order, "")
    half = most // 2
    note = f"\nthe {half} largest and the {half} smallest of {len(order):,} classes"
    return ChosenClasses(order[:half] + order[-half:], note)
