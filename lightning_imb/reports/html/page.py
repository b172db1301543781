"""The html report of a sweep."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib import rc_context

from lightning_imb.reports.collect import RunRecord, collect
from lightning_imb.reports.comparison import Comparison, compare
from lightning_imb.reports.html.calibration import prior_shift_section, reliability_section
from lightning_imb.reports.html.confusions import confusion_section
from lightning_imb.reports.html.counts import counts_section
from lightning_imb.reports.html.errors import errors_section
from lightning_imb.reports.html.facts import facts
from lightning_imb.reports.html.inside import inside_sections
from lightning_imb.reports.html.learning import learning_section
from lightning_imb.reports.html.ordering import ordering_section
from lightning_imb.reports.html.parts import Section, sortable
from lightning_imb.reports.html.predictions import predictions_section
from lightning_imb.reports.html.progress import progress_section
from lightning_imb.reports.html.recall import recall_section
from lightning_imb.reports.html.render import render
from lightning_imb.reports.html.reproduce import run_list
from lightning_imb.reports.html.rows import RowRuns, row_runs
from lightning_imb.reports.html.unfinished import unfinished_section
from lightning_imb.reports.regression.yardsticks import yardsticks
from lightning_imb.reports.tables import comparison_grid
from lightning_imb.reports.unfinished import ALL
from lightning_imb.utils.atomic import write_text_atomic
from lightning_imb.utils.errors import InputError


def write_html(
    folder: Path,
    out: Path,
    rows: Sequence[str],
    metrics: Sequence[str],
    order: Sequence[str] = (),
    first: str | None = None,
    records: Sequence[RunRecord] | None = None,
    only: Mapping[str, Sequence[str]] = ALL,
) -> Path:
    """Write one html file about all runs below a folder; it needs nothing else, no network either.

    Args:
        folder: The folder of a sweep, or any folder above run folders.
        out: The file to write; missing parent folders are made.
        rows: What makes a row of the tables, see :func:`lightning_imb.reports.comparison.compare`.
        metrics: Columns, names as in ``metrics.json``.
        order: Values of one of the keys, the expected best first; empty for no such check.
        first: Value of another key whose order is checked first; None for the order of the runs.
        records: The runs below the folder, where they have been read already.
        only: What those were chosen by: of the unfinished runs, these are listed.

    Returns:
        The file.

    Raises:
        InputError: There is no finished run, the runs cannot be compared, or the file cannot be written.
    """
    records = collect(folder) if records is None else records
    comparison = compare(records, rows, metrics)
    grouped = row_runs(records, rows)
    beside = yardsticks(records, rows) if comparison.task == "regression" else ()
    grid = comparison_grid(comparison, yardsticks=beside)
    ordered = (ordering_section(records, rows, order, comparison.metrics[0], first),) if order else ()
    page = {
        "title": f"Report of {folder.resolve().name}",
        "warning": grid.warning,
        "facts": [("folder", str(folder.resolve())), *facts(records, len(grouped))],
        "sections": (
            Section("results", "Results", tables=(sortable(grid),)),
            *ordered,
            *_sections(comparison, grouped, folder),
            unfinished_section(folder, only),
        ),
        "runs": run_list(grouped, folder, comparison.metrics),
    }
    _write(out, render(page))
    return out


def _sections(comparison: Comparison, rows: Sequence[RowRuns], folder: Path) -> tuple[Section, ...]:
    with rc_context({"text.parse_math": False}):  # names are no formulas, not even with dollar signs in them
        of_task = _of_regressions if comparison.task == "regression" else _of_classifications
        return (
            *of_task(comparison, rows),
            *inside_sections(comparison.keys, rows, folder),
            counts_section(rows),
        )


def _of_classifications(comparison: Comparison, rows: Sequence[RowRuns]) -> tuple[Section, ...]:
    wherever = (reliability_section(rows), prior_shift_section(rows), progress_section(rows))
    return (
        recall_section(comparison, rows),
        confusion_section(rows),
        learning_section(rows),
        *(section for section in wherever if section.pictures),  # earlier runs have not measured these
    )


def _of_regressions(comparison: Comparison, rows: Sequence[RowRuns]) -> tuple[Section, ...]:
    return errors_section(comparison, rows), predictions_section(rows), learning_section(rows, comparison.task)


def _write(out: Path, text: str) -> None:
    try:
        write_text_atomic(out, text)
    except OSError as error:
        raise InputError(
            f"The report cannot be written to {out} ({error.strerror}): name another file with out=<file>.html."
        ) from error
