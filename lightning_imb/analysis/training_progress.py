"""How training went for major and minor classes, summed up: when the minor ones catch up, and how far they stay behind.

The curves are those in which Ye et al. 2021, "Procrustean training for imbalanced deep learning" (arXiv 2104.01769),
describe what imbalance does to training; the numbers made of them are our reading.
"""

import math
from collections.abc import Mapping

Curve = Mapping[int, float]  # value by epoch, counted from 0
HALF = 0.5
NAN = math.nan


def epochs_until_share(minor: Curve, major: Curve, share: float = HALF) -> float:
    """Epochs trained when the recall of the minor classes first reaches a share of that of the major ones.

    A first look that finds no class learned at all does not count.

    Args:
        minor: Mean recall of the minor classes by epoch.
        major: Mean recall of the major classes by epoch.
        share: In (0, 1].

    Returns:
        An epoch counted from 1, as exact as the looks are frequent; NaN where it is never reached.
    """
    reached = (epoch for epoch in sorted(minor) if 0 < major.get(epoch, 0.0) * share <= minor[epoch])
    return float(next(reached, NAN)) + 1


def difference(above: Curve, below: Curve) -> dict[int, float]:
    """``above - below`` in the epochs that both have."""
    return {epoch: above[epoch] - below[epoch] for epoch in sorted(above.keys() & below.keys())}


def ratio(above: Curve, below: Curve) -> dict[int, float]:
    """``above / below`` in the epochs that both have and where ``below`` is not zero."""
    return {epoch: above[epoch] / below[epoch] for epoch in sorted(above.keys() & below.keys()) if below[epoch]}


def span(curve: Curve) -> dict[str, float]:
    """A curve in three numbers: ``first``, ``max`` and ``last``; NaN for an empty one."""
    values = [curve[epoch] for epoch in sorted(curve)]
    if not values:
        return dict.fromkeys(("first", "max", "last"), NAN)
    return {"first": values[0], "max": max(values), "last": values[-1]}


def progress_numbers(curves: Mapping[str, Curve]) -> dict[str, float]:
    """Sum up the curves of one run.

    Args:
        curves: By the names of `lightning_imb.metrics.progress_summary`; those that are missing or empty give NaN.

    Returns:
        ``epochs_to_half`` (see `epochs_until_share`), and ``first``, ``max`` and ``last`` of ``recall_gap`` (major -
        minor), ``minor_to_major``, ``gradient_ratio`` (minor / major, per image) and ``gradient_total_ratio`` (of the
        sums over the images: mean and sum can rank differently).
    """
    major, minor = curves.get("recall_major", {}), curves.get("recall_minor", {})
    totals = ratio(curves.get("gradient_total_minor", {}), curves.get("gradient_total_major", {}))
    spans = {
        "recall_gap": difference(major, minor),
        "minor_to_major": curves.get("minor_to_major", {}),
        "gradient_ratio": curves.get("gradient_ratio", {}),
        "gradient_total_ratio": totals,
    }
    numbers = {"epochs_to_half": epochs_until_share(minor, major)}
    return numbers | {f"{name}/{when}": value for name, curve in spans.items() for when, value in span(curve).items()}
