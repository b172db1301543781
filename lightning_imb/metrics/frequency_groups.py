"""Which classes are major and which are minor."""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

from lightning_imb.utils.errors import InputError

AUTO = "auto"
_STEP = 2 / 3  # of the range of ln n: the part that one gap takes where the counts are two plateaus


class FrequencyGroups(NamedTuple):
    """Classes by their number of training samples, each a tuple of class indices from the most to the fewest."""

    major: tuple[int, ...]
    middle: tuple[int, ...]
    minor: tuple[int, ...]


def frequency_groups(class_counts: Sequence[int], major: str | float = AUTO) -> FrequencyGroups:
    """Divide classes into major, middle and minor ones.

    ``auto`` sees whether the counts are two plateaus (step imbalance): then the classes above the geometric middle,
    ``n_c > sqrt(n_max n_min)``, are major and all others minor. Otherwise (long tail) the third with the most samples
    is major, the third with the fewest minor. Where all counts are equal nothing is major or minor.

    Args:
        class_counts: training samples per class, ``(K,)``, K >= 2, each >= 1; equal ones keep their order.
        major: ``auto``, or the share of the classes that is major, and likewise minor, in (0, 0.5]; one class at least.

    Returns:
        The groups.

    Raises:
        InputError: see `checked_major`.
    """
    share = checked_major(major)
    order = sorted(range(len(class_counts)), key=lambda c: -class_counts[c])
    if class_counts[order[0]] == class_counts[order[-1]]:
        return FrequencyGroups((), tuple(order), ())
    if share is None and _is_step(sorted(class_counts)):
        middle = math.sqrt(class_counts[order[0]] * class_counts[order[-1]])
        size = sum(n > middle for n in class_counts)
        return FrequencyGroups(tuple(order[:size]), (), tuple(order[size:]))
    size = max(1, min(round((share or 1 / 3) * len(order)), len(order) // 2))
    return FrequencyGroups(tuple(order[:size]), tuple(order[size:-size]), tuple(order[-size:]))


def checked_major(major: str | float) -> float | None:
    """The share of the classes that is major; None for ``auto``.

    Raises:
        InputError: neither ``auto`` nor a share in (0, 0.5].
    """
    if major == AUTO:
        return None
    if isinstance(major, bool) or not isinstance(major, int | float) or not 0 < major <= 0.5:
        raise InputError(f"major is '{major}'; give auto, or the share of the classes that is major, above 0 up to 0.5")
    return float(major)


def _is_step(rising: Sequence[int]) -> bool:
    logs = [math.log(n) for n in rising]
    widest = max(above - below for below, above in itertools.pairwise(logs))
    return widest > _STEP * (logs[-1] - logs[0])
