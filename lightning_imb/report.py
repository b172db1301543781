"""imb-report: one table out of all finished runs of a sweep."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_imb.utils.cli import hydra_entry
from lightning_imb.utils.errors import InputError

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from lightning_imb.reports.comparison import Comparison

FORMATS = ("rich", "markdown", "csv")
PIPE_WIDTH = 1000  # columns of a pipe or a file: nothing is cut there


def main() -> None:
    """Console script: compose ``conf/report.yaml`` and print the report."""
    # people say sweep=<folder>, but imb-train has a config group of that name and Hydra would look there
    sys.argv[1:] = [re.sub(r"^sweep=", "folder=", argument) for argument in sys.argv[1:]]
    _main()


@hydra_entry("report")
def _main(cfg: "DictConfig") -> None:
    rows = [cfg.rows] if isinstance(cfg.rows, str) else list(cfg.rows)
    report(Path(cfg.folder), rows, list(cfg.metrics), cfg.format, cfg.per_class)


def report(folder: Path, rows: Sequence[str], metrics: Sequence[str], form: str, per_class: bool) -> None:
    """Print the comparison of all finished runs below a folder.

    Args:
        folder: The folder.
        rows: What makes a row of the table.
        metrics: Columns, names as in ``metrics.json``.
        form: ``rich`` (terminal), ``markdown`` or ``csv``.
        per_class: Whether to add the recall of each class.

    Raises:
        InputError: The format is unknown, there is no finished run, or the runs cannot be compared.
    """
    if form not in FORMATS:
        raise InputError(f"Unknown format {form!r}: use one of {', '.join(FORMATS)}.")
    # here and not above: the entry point answers --help without loading rich and numpy
    from lightning_imb.reports.collect import collect, count_unfinished
    from lightning_imb.reports.comparison import compare
    from lightning_imb.reports.tables import comparison_csv

    records = collect(folder)
    comparison = compare(records, rows, metrics)
    if form == "csv":
        print(comparison_csv(comparison, per_class), end="")
        return
    _print_grids(comparison, form, per_class)
    print(f"{len(records)} finished runs below {folder}, {count_unfinished(folder)} unfinished")
    if form == "rich":
        _print_places(folder, [record.path for record in records])


def _print_places(folder: Path, runs: Sequence[Path]) -> None:
    """Where to look next: run folders, their figures, the dashboard."""
    print("\nrun folder, figures in figures/ below each:")
    for run in runs:
        print(f"  {run}")
    print(f"\ndashboard:\n  {Path(sys.executable).with_name('tensorboard')} --logdir {folder}")


def _print_grids(comparison: "Comparison", form: str, per_class: bool) -> None:
    from rich.console import Console

    from lightning_imb.reports.grid import to_markdown, to_rich
    from lightning_imb.reports.tables import comparison_grid, recall_grid

    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPE_WIDTH)
    grids = [comparison_grid(comparison)] + ([recall_grid(comparison)] if per_class else [])
    for grid in grids:
        if form == "markdown":
            print(to_markdown(grid))
        else:
            console.print(to_rich(grid))


if __name__ == "__main__":
    main()
