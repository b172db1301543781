"""What stands below a table so that its numbers can be trusted: protocol, split, seeds, what is missing."""

from collections.abc import Iterable, Sequence

from lightning_imb.reports.comparison import Best, Comparison, Row
from lightning_imb.settings import first_of

WARNING = (
    "WARNING: the epoch was chosen on the TEST set, so these scores are too high. "
    "Compare them only with numbers obtained the same way."
)
_BOLD = {
    "clear": "bold: leads its column, among rows of the same protocol and data, by more than the sum of both std",
    "mean": "bold: best mean of its column, among rows of the same protocol and data",
}


def caption(comparison: Comparison, *more: str) -> str:
    """Split, protocol, how std was taken, and whether all rows have the same seeds.

    Args:
        comparison: What the table shows.
        more: Further remarks; empty ones are left out.
    """
    remarks = [
        split_of(comparison.metrics),
        f"protocol: {'; '.join(comparison.protocols)}",
        "std with ddof=1, n/a for one seed",
        *more,
        unequal_seeds(comparison.rows),
    ]
    return "; ".join(remark for remark in remarks if remark)


def split_of(metrics: Iterable[str]) -> str:
    """The images that the scores were measured on, from the names of the scores."""
    splits = {name.removeprefix("represent/").partition("/")[0] for name in metrics}
    return " and ".join(f"{'validation' if split == 'val' else split} set" for split in sorted(splits))


def unequal_seeds(rows: Sequence[Row]) -> str:
    """A remark where not all rows have the same seeds; empty where they do."""
    if len({frozenset(row.seeds) for row in rows}) == 1:
        return ""
    sizes = sorted({row.n for row in rows})
    if len(sizes) == 1:
        return "not all have the same seeds"
    few = [" ".join(row.labels) for row in rows if row.n < sizes[-1]]
    return f"unequal numbers of seeds, from {sizes[0]} to {sizes[-1]}: fewer have {first_of(few)}"


def bold_remark(rule: Best, used: bool) -> str:
    """What bold means, where something is bold."""
    return _BOLD[rule] if used else ""
