"""What ``imb-analyze`` found inside the runs: a section for each analysis, from files alone."""

import json
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from lightning_imb.reports.cells import MISSING
from lightning_imb.reports.comparison import Summary
from lightning_imb.reports.digits import mean_and_spread
from lightning_imb.reports.grid import Grid
from lightning_imb.reports.html.analyses import Result, analyses_in, read_result
from lightning_imb.reports.html.parts import Picture, Section, SortableTable, sortable
from lightning_imb.reports.html.rows import RowRuns, beyond
from lightning_imb.runs import ANALYSES
from lightning_imb.settings import first_of
from lightning_imb.utils.errors import InputError

MAX_ROWS = 8  # with pictures
MAX_NUMBERS = 30  # columns of a table
MAX_REMARKS = 12
_GROUP_DEPTH = 2


@dataclass(frozen=True)
class _Looked:
    """A row of the report, and what was found in its runs: those without findings are not in it."""

    row: RowRuns
    results: tuple[tuple[str, Result], ...]  # each with the name of its run


def inside_sections(keys: Sequence[str], rows: Sequence[RowRuns], folder: Path) -> tuple[Section, ...]:
    """One section for each analysis that a run, or the sweep as a whole, has findings of.

    Args:
        keys: What makes a row.
        rows: Runs by row.
        folder: The folder of the report: that of a sweep or of a single run.
    """
    runs = {record.path.resolve() for row in rows for record in row.records}
    sweep = None if folder.resolve() in runs else folder
    names = sorted(set(chain.from_iterable(map(analyses_in, [*runs, *([sweep] if sweep else [])]))))
    return tuple(_section(name, ", ".join(keys), rows, sweep) for name in names)


def _section(name: str, heading: str, rows: Sequence[RowRuns], sweep: Path | None) -> Section:
    problems: list[str] = []
    looked = [_Looked(row, tuple(_results(name, row, problems))) for row in rows]
    between = [] if sweep is None else _read(sweep, name, problems)
    with_findings = [one for one in looked if one.results]
    results = [*between, *(result for one in with_findings for _, result in one.results)]
    pictures = list(_pictures(_figures(between, with_findings), problems))
    tables, left_out = _tables(heading, with_findings)
    notes = [
        *problems,
        *([] if sweep is None else _other_runs(between, rows, sweep)),
        *_unequal_settings(results),
        *_not_analysed(name, looked),
        *beyond([one.row for one in with_findings], MAX_ROWS, "Pictures", f"the others are in {ANALYSES}/ of each run"),
        *left_out,
        *_remarks(between, with_findings),
    ]
    return Section(
        anchor=f"inside-{name}",
        title=f"Looking inside: {results[0].title if results else name}",
        text=_text(name, results),
        tables=tuple(tables),
        pictures=tuple(pictures),
        notes=tuple(notes),
        tables_first=True,
    )


def _other_runs(between: Sequence[Result], rows: Sequence[RowRuns], sweep: Path) -> list[str]:
    """Say where a comparison was made of other runs than the page is of."""
    here = {os.path.relpath(record.path, sweep) for row in rows for record in row.records}
    return [
        f"The comparison is of {len(result.runs)} runs and this page of {len(here)}: where runs came or went since, "
        "run imb-analyze again."
        for result in between
        if result.runs and set(result.runs) != here
    ]


def _results(name: str, row: RowRuns, problems: list[str]) -> Iterator[tuple[str, Result]]:
    for record in row.records:
        for result in _read(record.path, name, problems):
            yield f"{row.label}, seed {record.seed}", result


def _read(folder: Path, name: str, problems: list[str]) -> list[Result]:
    """The findings in a folder, if there are any; what is wrong with them goes to the problems."""
    if name not in analyses_in(folder):
        return []
    try:
        return [read_result(folder, name)]
    except InputError as error:
        problems.append(str(error))
        return []


def _pictures(figures: Iterable[tuple[str, Result, str]], problems: list[str]) -> Iterator[Picture]:
    """Draw figures, given whose each is, the findings and the name; what is wrong with some goes to the problems."""
    for whose, result, name in figures:
        try:
            yield result.picture(name, whose)
        except InputError as error:
            problems.append(str(error))


def _figures(between: Sequence[Result], looked: Sequence[_Looked]) -> list[tuple[str, Result, str]]:
    """Those of the comparison, then those of the first run of each row, by name: so that rows can be compared."""
    runs = [one.results[0] for one in looked[:MAX_ROWS]]
    names = dict.fromkeys(name for _, result in runs for name in result.captions)
    compared = [("all runs", result, name) for result in between for name in result.captions]
    return compared + [(whose, result, name) for name in names for whose, result in runs if name in result.captions]


def _tables(heading: str, looked: Sequence[_Looked]) -> tuple[list[SortableTable], list[str]]:
    """A table for each group of numbers, and what did not fit."""
    names = dict.fromkeys(name for one in looked for _, result in one.results for name in result.numbers)
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault("/".join(name.split("/")[:-1][:_GROUP_DEPTH]), []).append(name)
    notes = [
        f"The first {MAX_NUMBERS} of {len(members)} numbers {group}/...; result.json of each run has all."
        for group, members in groups.items()
        if len(members) > MAX_NUMBERS
    ]
    return [_table(heading, group, members[:MAX_NUMBERS], looked) for group, members in groups.items()], notes


def _table(heading: str, group: str, names: Sequence[str], looked: Sequence[_Looked]) -> SortableTable:
    start = f"{group}/" if group else ""
    grid = Grid(
        title=f"{group or 'Numbers'}, mean ± std over seeds",
        header=(heading, "n", *(name.removeprefix(start) for name in names)),
        rows=tuple(
            (one.row.label, str(len(one.results)), *(_cell([r for _, r in one.results], name) for name in names))
            for one in looked
        ),
    )
    return sortable(grid)


def _cell(results: Sequence[Result], name: str) -> str:
    """Mean ± sample standard deviation; a number that is not defined in all runs says in how many it is."""
    values = [result.numbers.get(name, math.nan) for result in results]
    summary = Summary(tuple(value for value in values if math.isfinite(value)))
    if summary.mean is None:
        return MISSING
    partial = f" (n={len(summary.values)})" if len(summary.values) < len(results) else ""
    return f"{mean_and_spread(summary.mean, summary.std)}{partial}"


def _text(name: str, results: Sequence[Result]) -> str:
    """Where the rest is, and with what settings this was made."""
    where = f"Tables (csv) and figures (svg) are in {ANALYSES}/{name}/ of each run."
    settings = {_settings(result) for result in results}
    return f"{where} Settings: {settings.pop()}." if len(settings) == 1 and settings != {""} else where


def _settings(result: Result) -> str:
    return ", ".join(f"{key}={json.dumps(value)}" for key, value in sorted(result.settings.items()))


def _unequal_settings(results: Sequence[Result]) -> list[str]:
    keys = sorted({key for result in results for key in result.settings})
    unequal = [key for key in keys if len({json.dumps(result.settings.get(key)) for result in results}) > 1]
    if not unequal:
        return []
    return [
        f"The findings were made with different settings ({first_of(unequal)}) and cannot be compared: run imb-analyze "
        "again over all runs."
    ]


def _not_analysed(name: str, looked: Sequence[_Looked]) -> list[str]:
    missing = [
        f"{one.row.label} ({len(one.row.records) - len(one.results)} of {len(one.row.records)} runs)"
        for one in looked
        if len(one.results) < len(one.row.records)
    ]
    return [f"Not looked into by {name}: {first_of(missing)}."] if missing else []


def _remarks(between: Sequence[Result], looked: Sequence[_Looked]) -> list[str]:
    """Remarks of the comparison, then those of the runs, each once with the runs that it is made of."""
    runs = [pair for one in looked for pair in one.results]
    made: dict[str, list[str]] = {}
    for whose, result in runs:
        for remark in result.remarks:
            made.setdefault(remark, []).append(whose)
    texts = [remark for result in between for remark in result.remarks]
    texts += [text if len(whose) == len(runs) else f"{first_of(whose)}: {text}" for text, whose in made.items()]
    hidden = len(texts) - MAX_REMARKS
    more = [f"{hidden} more remarks are in result.json of the runs."] if hidden > 0 else []
    return [*texts[:MAX_REMARKS], *more]
