"""What stands in the cells of tables: scores as text, and which classes are shown where not all are."""

from collections.abc import Sequence

from lightning_imb.reports.comparison import Summary
from lightning_imb.reports.confusion import head_to_tail
from lightning_imb.reports.digits import mean_and_spread, significant
from lightning_imb.reports.task import Task

TEST, PHASE_1 = "test/", "represent/test/"
MISSING = "–"  # a score that the runs do not have
MAX_CLASSES = 20


def mean_std(summary: Summary, n: int, task: Task) -> str:
    """Such as ``0.812 ± 0.010``; a score that not all n runs have says how many have it.

    Scores of classifiers lie in 0..1 and have three decimals; errors have the scale of their targets, whatever it is,
    and have significant digits.
    """
    if summary.mean is None:
        return MISSING
    partial = f" (n={len(summary.values)})" if len(summary.values) != n else ""
    if summary.std is None:
        return f"{score_text(summary.mean, task)} ± n/a{partial}"
    if task == "regression":
        return f"{mean_and_spread(summary.mean, summary.std)}{partial}"
    return f"{summary.mean:.3f} ± {summary.std:.3f}{partial}"


def score_text(value: float | None, task: Task = "classification") -> str:
    """One score of one run; a dash where there is none."""
    if value is None:
        return MISSING
    return significant(value) if task == "regression" else f"{value:.3f}"


def shown_classes(counts: Sequence[int]) -> list[int]:
    """Positions of all classes or, above 20, of the ten with the most and the ten with the fewest training samples."""
    if len(counts) <= MAX_CLASSES:
        return list(range(len(counts)))
    order = head_to_tail(counts)
    return order[: MAX_CLASSES // 2] + order[-(MAX_CLASSES // 2) :]
