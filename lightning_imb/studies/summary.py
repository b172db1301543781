"""Numbers of analyses as tables: of one run, and of a sweep as mean ± std over seeds."""

import math
from collections.abc import Mapping

import pandas as pd

from lightning_imb.reports.digits import mean_and_spread, significant
from lightning_imb.reports.grid import Grid
from lightning_imb.studies.findings import Findings
from lightning_imb.studies.study import Study
from lightning_imb.studies.subject import Subject

_MISSING = "–"


def numbers_of_run(study: Study, found: Findings) -> Grid:
    """One line per number."""
    numbers = found.numbers.items()
    rows = tuple((name, significant(value) if math.isfinite(value) else _MISSING) for name, value in numbers)
    return Grid(study.title, ("number", "value"), rows, caption=" ".join(found.remarks))


def summary_table(numbers: Mapping[Subject, Mapping[str, float]]) -> pd.DataFrame:
    """Mean and sample standard deviation over the seeds of each row, of every number that a run of it has.

    Args:
        numbers: By run.

    Returns:
        Columns ``row``, ``number``, ``mean``, ``std`` (NaN for one run) and ``n``, the runs where it is defined; rows
        and numbers in the order in which they come.
    """
    long = pd.DataFrame(
        [(subject.row, name, value) for subject, found in numbers.items() for name, value in found.items()],
        columns=["row", "number", "value"],
    )
    grouped = long.groupby(["row", "number"], sort=False)["value"]
    return grouped.agg(mean="mean", std="std", n="count").reset_index()


def numbers_of_sweep(study: Study, table: pd.DataFrame) -> Grid:
    """One line per number, one column per row of the sweep.

    Args:
        study: The analysis.
        table: As `summary_table` returns it.
    """
    cells = {
        (number, row): mean_and_spread(mean, std) if n else _MISSING
        for row, number, mean, std, n in table.itertuples(index=False, name=None)
    }
    rows = list(dict.fromkeys(table["row"]))
    lines = tuple(
        (number, *(cells.get((number, row), _MISSING) for row in rows)) for number in dict.fromkeys(table["number"])
    )
    seeds = table.groupby("row", sort=False)["n"].max()
    caption = "mean ± std (ddof 1) over seeds: " + ", ".join(f"{row} n={n}" for row, n in seeds.items())
    return Grid(study.title, ("number", *rows), lines, caption=caption)
