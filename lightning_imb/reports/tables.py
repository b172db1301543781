"""The closing table of one run, the comparison of many and the pivot table of one score, as text."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Table

from lightning_imb.reports.captions import WARNING, bold_remark, caption
from lightning_imb.reports.cells import MISSING, PHASE_1, TEST, mean_std, score_text, shown_classes
from lightning_imb.reports.comparison import Best, Comparison, Row, Summary, leaders
from lightning_imb.reports.grid import Grid, to_rich
from lightning_imb.reports.pivot import Labels, Pivot
from lightning_imb.reports.regression.run_grid import regression_run_grid
from lightning_imb.reports.regression.yardsticks import NO_RUN, Yardstick
from lightning_imb.reports.task import PER_CLASS, PerClass
from lightning_imb.utils.errors import InputError

RANKED = {"AUROC": f"{TEST}class_auroc", "AP": f"{TEST}class_ap"}  # columns beside the recall of each class
PARTS = ("mean", "std", "n")


def run_table(metrics: Mapping[str, Any]) -> Table:
    """Make the closing table of one run; see :func:`run_grid`."""
    return to_rich(run_grid(metrics))


def run_grid(metrics: Mapping[str, Any]) -> Grid:
    """Sum up one run: recall of each class, then the scores; phase 1 beside the final model.

    Of a regression it is :func:`lightning_imb.reports.regression.run_grid.regression_run_grid`. Where a run has them,
    AUROC and average precision of each class stand beside the recalls, of the final model. Above 20 classes the ten
    with the most and the ten with the fewest training images are listed.

    Args:
        metrics: ``metrics.json``. Without ``represent/test/...`` there is one column of results. ``scored``
            names the images when they are not those of the test set.
    """
    if metrics.get("task") == "regression":
        return regression_run_grid(metrics)
    prefixes = [prefix for prefix in (PHASE_1, TEST) if f"{prefix}recall" in metrics]
    counts = metrics["class_counts"]["train"]
    shown = shown_classes(counts)
    ranked = {title: metrics[key] for title, key in RANKED.items() if key in metrics}
    columns = [*(metrics[f"{prefix}recall"] for prefix in prefixes), *ranked.values()]
    classes = [
        (metrics["class_names"][k], f"{counts[k]:,}", *(score_text(column[k]) for column in columns)) for k in shown
    ]
    names = [key.removeprefix(TEST) for key in metrics if key.startswith(TEST) and not isinstance(metrics[key], list)]
    names = [name for name in names if "/" not in name]  # the accuracy under eleven other priors is a figure
    blank = ("",) * len(ranked)
    scores = [(name, "", *(score_text(metrics.get(prefix + name)) for prefix in prefixes), *blank) for name in names]
    return Grid(
        title=f"{metrics['method']}, seed {metrics['seed']}: {metrics['protocol']}",
        header=(
            "recall per class, scores",
            "n_train",
            *("phase 1" if p == PHASE_1 else "final" for p in prefixes),
            *ranked,
        ),
        rows=tuple(classes + scores),
        caption="; ".join([metrics.get("scored", "test set"), *_run_remarks(len(counts) - len(shown), list(ranked))]),
        warning=WARNING if metrics.get("selected_on") == "test" else "",
        breaks=frozenset({len(classes) - 1}),
    )


def _run_remarks(hidden: int, ranked: Sequence[str]) -> list[str]:
    remarks = [f"{hidden} classes between head and tail stand in metrics.json"] if hidden else []
    return [*remarks, f"{' and '.join(ranked)}: a class against the rest, final model"] if ranked else remarks


def comparison_grid(comparison: Comparison, best: Best = "clear", yardsticks: Sequence[Yardstick] = ()) -> Grid:
    """Mean ± sample standard deviation over seeds: one line per row, one column per metric.

    Args:
        comparison: The comparison.
        best: When the best of a column is stressed; see :func:`lightning_imb.reports.comparison.leaders`.
        yardsticks: What stands below the rows to measure them by.
    """
    bold = _bold([leaders(comparison.rows, name, best) for name in comparison.metrics], len(comparison.keys) + 1)
    return Grid(
        title="Scores, mean ± std over seeds",
        header=(*comparison.keys, "n", *(name.removeprefix(TEST) for name in comparison.metrics)),
        rows=(*_score_rows(comparison), *_yardstick_rows(comparison, yardsticks)),
        labels=len(comparison.keys),
        caption=caption(
            comparison,
            bold_remark(best, bool(bold)),
            f"{NO_RUN}: a yardstick that no network made, mean over the runs" if yardsticks else "",
        ),
        warning=WARNING if comparison.selected_on_test else "",
        bold=bold,
        breaks=frozenset({len(comparison.rows) - 1} if yardsticks else ()),
    )


def _score_rows(comparison: Comparison) -> list[tuple[str, ...]]:
    return [
        (*row.labels, str(row.n), *(mean_std(row.scores[m], row.n, comparison.task) for m in comparison.metrics))
        for row in comparison.rows
    ]


def _yardstick_rows(comparison: Comparison, yardsticks: Sequence[Yardstick]) -> list[tuple[str, ...]]:
    blank = ("",) * (len(comparison.keys) - 1)
    cells = {yardstick.name: yardstick.cells(comparison.metrics) for yardstick in yardsticks}
    return [(name, *blank, NO_RUN, *texts) for name, texts in cells.items() if set(texts) != {MISSING}]


def pivot_grid(table: Pivot, best: Best = "clear", unfinished: int = 0) -> Grid:
    """Mean ± sample standard deviation (n) of one score: rows by columns, cells without a run marked.

    Args:
        table: The pivot table.
        best: When the best of a column is stressed; see :func:`lightning_imb.reports.comparison.leaders`.
        unfinished: Number of runs that are not done: whole rows and columns may be missing.
    """
    bold = _bold([leaders(table.column(col), table.metric, best) for col in table.cols], len(table.row_keys))
    return Grid(
        title=f"{table.metric}, mean ± std (n) over seeds",
        header=(*table.row_keys, *_headings(table)),
        rows=tuple((*row, *(_cell(table, row, col) for col in table.cols)) for row in table.rows),
        labels=len(table.row_keys),
        caption=caption(table.comparison, *_missing(table, unfinished), bold_remark(best, bool(bold))),
        warning=WARNING if table.comparison.selected_on_test else "",
        bold=bold,
    )


def per_class_grid(comparison: Comparison) -> Grid:
    """Recall of each class or MSE of each bin, mean ± sample standard deviation over seeds: one line for each.

    Raises:
        InputError: The rows have different classes or bins.
    """
    shown, names, counts = PER_CLASS[comparison.task], _shared_classes(comparison), comparison.train_counts
    return Grid(
        title=f"{shown.title}, mean ± std over seeds",
        header=(shown.unit, "n_train", *(f"{' '.join(row.labels)} (n={row.n})" for row in comparison.rows)),
        rows=tuple(
            (
                name,
                f"{counts[k]:,}" if counts else "differs",
                *(
                    mean_std(row.by_class[k], row.n, comparison.task) if row.by_class else MISSING
                    for row in comparison.rows
                ),
            )
            for k, name in enumerate(names)
        ),
        caption=caption(comparison),
        warning=WARNING if comparison.selected_on_test else "",
    )


def comparison_csv(comparison: Comparison, per_class: bool) -> str:
    """Write a comparison as csv with numbers of full precision, one line per row.

    Args:
        comparison: The comparison.
        per_class: Whether to add the recall of each class, or the MSE of each bin.

    Raises:
        InputError: They are asked for and the rows have different classes.
    """
    shown = PER_CLASS[comparison.task]
    of_classes = [f"{shown.key}/{name}" for name in _shared_classes(comparison)] if per_class else []
    names = [f"{name}/{part}" for name in (*comparison.metrics, *of_classes) for part in PARTS]
    protocol = _protocol_column(comparison)
    lines: list[Sequence[Any]] = [[*comparison.keys, *protocol, "n", *names]]
    for row in comparison.rows:
        summaries = [row.scores[name] for name in comparison.metrics] + (list(row.by_class) if per_class else [])
        lines.append([*row.labels, *protocol.values(), row.n, *(n for s in summaries for n in _numbers(s))])
    return csv_text(lines)


def pivot_csv(table: Pivot) -> str:
    """Write a pivot table as csv with numbers of full precision, one line per row, three fields per column."""
    protocol = _protocol_column(table.comparison)
    names = [f"{heading}/{part}" for heading in _headings(table) for part in PARTS]
    lines: list[Sequence[Any]] = [[*table.row_keys, *protocol, *names]]
    columns = [table.column(col) for col in table.cols]
    for i, row in enumerate(table.rows):
        numbers = [number for column in columns for number in _numbers(_score_of(column[i], table.metric))]
        lines.append([*row, *protocol.values(), *numbers])
    return csv_text(lines)


def csv_text(lines: Iterable[Sequence[Any]]) -> str:
    """Lines of fields as csv."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()


def _numbers(summary: Summary) -> tuple[float | None, float | None, int]:
    return summary.mean, summary.std, len(summary.values)


def _protocol_column(comparison: Comparison) -> dict[str, str]:
    """A csv has no caption: the protocol stands in every line, unless a key says it already."""
    return {} if "protocol" in comparison.keys else {"protocol": comparison.protocols[0]}


def no_per_class(shown: PerClass) -> str:
    """Why rows of different classes have no table of their classes."""
    return f"No {shown.name}: the rows have different {shown.units}"


def _shared_classes(comparison: Comparison) -> tuple[str, ...]:
    if comparison.class_names is None:
        shown = PER_CLASS[comparison.task]
        raise InputError(f"{no_per_class(shown)}: say per_class=false.")
    return comparison.class_names


def _headings(table: Pivot) -> list[str]:
    """Such as ``imbalance.ratio=10``."""
    return [" ".join(f"{key}={label}" for key, label in zip(table.col_keys, col, strict=True)) for col in table.cols]


def _missing(table: Pivot, unfinished: int) -> tuple[str, ...]:
    """What the table lacks. Rows and columns without a finished run are not in it: they are not counted as cells."""
    cells = len(table.rows) * len(table.cols)
    seen = f"{table.missing} of {cells} cells are missing" if table.missing else ""
    more = f"{unfinished} unfinished runs are not in the table, nor rows and columns of them alone"
    if unfinished:
        return seen, more
    return (seen or f"all {cells} cells are there",)


def _cell(table: Pivot, row: Labels, col: Labels) -> str:
    cell = table.cells.get((row, col))
    if cell is None:
        return "missing"
    scores = cell.scores[table.metric]
    n = len(scores.values)
    return f"{mean_std(scores, n, table.comparison.task)} ({n})" if n else MISSING


def _score_of(cell: Row | None, metric: str) -> Summary:
    return cell.scores[metric] if cell else Summary(())


def _bold(found: Sequence[Sequence[int]], offset: int) -> frozenset[tuple[int, int]]:
    """Cells to stress: the leading rows of each column of numbers."""
    return frozenset((row, column + offset) for column, rows in enumerate(found) for row in rows)
