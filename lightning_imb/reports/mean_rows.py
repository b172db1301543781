"""Rows of the csv file, averaged over runs."""

from collections.abc import Sequence

from lightning_imb.reports.curves import Row, curve, mean_over_runs


def mean_rows(runs: Sequence[Sequence[Row]], prefix: str) -> list[Row]:
    """Means over runs of all metrics with a prefix, one row per epoch and metric; each over the runs that have it.

    Args:
        runs: Rows of one phase of the csv file of each run.
        prefix: Of the names of the metrics.
    """
    names = sorted({name for rows in runs for row in rows for name in row if name.startswith(prefix)})
    return [
        {"epoch": float(epoch), name: mean}
        for name in names
        for epoch, (mean, _) in mean_over_runs([curve(rows, name) for rows in runs]).items()
    ]
