"""The tables that answer a request, and how they become text."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from lightning_imb.reports.blocks import arrange
from lightning_imb.reports.collect import RunRecord
from lightning_imb.reports.comparison import Best, compare
from lightning_imb.reports.grid import Grid, to_markdown
from lightning_imb.reports.latex import NEEDS, to_latex
from lightning_imb.reports.ordering import orderings
from lightning_imb.reports.ordering_grid import ordering_grid, ordering_sentences
from lightning_imb.reports.paired import Kind, compare_pairs
from lightning_imb.reports.paired_tables import conditions, pairs_csv, pairs_grid, ranks_grid, warning_of
from lightning_imb.reports.pivot import pivot
from lightning_imb.reports.ranks import rank_test
from lightning_imb.reports.regression.yardsticks import yardsticks
from lightning_imb.reports.request import Request
from lightning_imb.reports.tables import (
    comparison_csv,
    comparison_grid,
    no_per_class,
    per_class_grid,
    pivot_csv,
    pivot_grid,
)
from lightning_imb.reports.task import PER_CLASS, task_of
from lightning_imb.reports.unfinished import unfinished
from lightning_imb.utils.errors import InputError


@dataclass(frozen=True)
class Document:
    """Tables and the sentences below them.

    Attributes:
        grids: The tables.
        remarks: Sentences.
    """

    grids: tuple[Grid, ...]
    remarks: tuple[str, ...] = ()


def make_document(records: Sequence[RunRecord], request: Request) -> Document:
    """Make the tables that a request asks for, and write the figures that belong to them.

    Args:
        records: At least one run.
        request: What is asked.

    Raises:
        InputError: The runs cannot be compared in this way.
    """
    regression = task_of(records) == "regression"
    if request.figures and not request.compare and not regression:
        raise InputError("figures= is of the paired comparison: add compare=true.")
    parts = []
    if request.cols:
        table = pivot(records, request.rows, request.cols, request.metrics[0])
        left_out = len(unfinished(request.folder, request.only))
        parts.append(Document((pivot_grid(table, cast(Best, request.bold), left_out),)))
    elif not request.compare:
        parts.append(_scores(records, request))
    if request.compare:
        parts.append(_paired(records, request))
    if request.order:
        parts.append(_ordered(records, request))
    if request.figures and regression:
        parts.append(Document((), _error_figures(records, request, request.figures)))
    return Document(tuple(g for part in parts for g in part.grids), tuple(r for part in parts for r in part.remarks))


def make_csv(records: Sequence[RunRecord], request: Request) -> str:
    """Make the one table that a csv file can hold: the pairs if they are compared, one score by columns, or the scores.

    Args:
        records: At least one run.
        request: What is asked.

    Raises:
        InputError: The runs cannot be compared in this way.
    """
    if request.compare:
        blocks = arrange(records, request.rows, request.metrics[0], request.blocks)
        return pairs_csv(compare_pairs(blocks, request.control, cast(Kind, request.interval)), blocks)
    if request.cols:
        return pivot_csv(pivot(records, request.rows, request.cols, request.metrics[0]))
    return comparison_csv(compare(records, request.rows, request.metrics), request.per_class)


def markdown(document: Document) -> str:
    """Tables and remarks in GitHub's Markdown."""
    return "\n".join([*map(to_markdown, document.grids), *(f"{remark}\n" for remark in document.remarks)])


def latex(document: Document) -> str:
    """Tables in LaTeX, remarks as comments."""
    comments = [f"% {remark}\n" for remark in document.remarks]
    return "\n".join([f"{NEEDS}\n", *map(to_latex, document.grids), *comments])


def _scores(records: Sequence[RunRecord], request: Request) -> Document:
    comparison = compare(records, request.rows, request.metrics)
    beside = yardsticks(records, request.rows) if comparison.task == "regression" else ()
    grid = comparison_grid(comparison, cast(Best, request.bold), beside)
    if not request.per_class:
        return Document((grid,))
    if comparison.class_names is None:
        return Document((grid,), (f"{no_per_class(PER_CLASS[comparison.task])}.",))
    return Document((grid, per_class_grid(comparison)))


def _ordered(records: Sequence[RunRecord], request: Request) -> Document:
    keys = [*request.rows, *request.cols]
    first = None if request.compare else request.control  # of a comparison it is a row
    found, left_out = orderings(records, keys, request.order, request.metrics[0], first)
    others = [key for key in keys if key not in found[0].blocks.row_keys]
    return Document((ordering_grid(found, others),), (*ordering_sentences(found), *(f"{text}." for text in left_out)))


def _error_figures(records: Sequence[RunRecord], request: Request, folder: Path) -> tuple[str, ...]:
    # only here: matplotlib takes longer to load than all tables to make
    from lightning_imb.reports.regression.study_figures import save_error_figures

    return save_error_figures(records, [*request.rows, *request.cols], folder)


def _paired(records: Sequence[RunRecord], request: Request) -> Document:
    blocks = arrange(records, request.rows, request.metrics[0], request.blocks)
    pairs = pairs_grid(compare_pairs(blocks, request.control, cast(Kind, request.interval)), blocks)
    test = rank_test(blocks)
    if isinstance(test, str):
        return Document((pairs,), (f"{test}.",))
    remarks: list[str] = []
    if request.figures:
        # only here: matplotlib takes longer to load than all tables to make
        from lightning_imb.reports.critical_difference import save_critical_difference

        title = f"{blocks.metric}: average ranks over {test.n} blocks, Iman and Davenport p = {test.p_f:.2g}"
        notes = [note for note in (warning_of(blocks), "; ".join(conditions(blocks))) if note]
        files = save_critical_difference(test, title, request.figures, notes)
        remarks = [f"critical-difference diagram: {', '.join(map(str, files))}"]
    return Document((pairs, ranks_grid(test, blocks)), tuple(remarks))
