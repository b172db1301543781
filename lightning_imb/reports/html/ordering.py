"""The expected order of levels on the page."""

from collections.abc import Sequence

from lightning_imb.reports.collect import RunRecord
from lightning_imb.reports.html.parts import Section, sortable
from lightning_imb.reports.ordering import orderings
from lightning_imb.reports.ordering_grid import ordering_grid, ordering_sentences


def ordering_section(
    records: Sequence[RunRecord], keys: Sequence[str], order: Sequence[str], metric: str, first: str | None = None
) -> Section:
    """Say whether an expected order is seen.

    Args:
        records: The runs.
        keys: What makes a row.
        order: Values of one of the keys, the best first.
        metric: Name as in ``metrics.json``.
        first: Value of another key whose order is checked first; None for the order of the runs.
    """
    found, left_out = orderings(records, keys, order, metric, first)
    others = [key for key in keys if key not in found[0].blocks.row_keys]
    notes = (*ordering_sentences(found), *(f"{text}." for text in left_out))
    return Section("ordering", "Expected order", tables=(sortable(ordering_grid(found, others)),), notes=notes)
