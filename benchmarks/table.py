"""The figures on the screen, as JSON and as markdown."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from benchmarks.compare import Result
from benchmarks.timing import Spread, seconds

HEAD = ("what", "baseline", "ours", "ratio wall", "ratio CPU", "target", "n")
TOY = "toy sizes: this shows that everything runs, the figures mean nothing"


@dataclass(frozen=True)
class Report:
    """Everything that is written.

    Attributes:
        machine: Where it was measured.
        data: On which images.
        command: How.
        quick: Whether the sizes were toys.
        results: What came out.
        computed: Lines derived from results, by case.
    """

    machine: dict[str, Any]
    data: str
    command: str
    quick: bool
    results: Sequence[Result]
    computed: dict[str, list[str]]


def rows(results: Sequence[Result], quick: bool) -> list[tuple[str, ...]]:
    """The cells of the table, below `HEAD`."""
    return [_row(result, quick) for result in results]


def _row(result: Result, quick: bool) -> tuple[str, ...]:
    pair = result.pair
    return (
        pair.name,
        f"{pair.baseline.label}: {_time(seconds(result.baseline, 'wall_s').median)}",
        f"{pair.ours.label}: {_time(seconds(result.ours, 'wall_s').median)}",
        _ratio(result.ratio("wall_s"), pair.kind),
        _ratio(result.ratio("cpu_s"), pair.kind),
        "" if quick else _target(result),
        str(len(result.ours)),
    )


def _ratio(spread: Spread, kind: str) -> str:
    word = "× faster" if kind == "speed-up" else "× the cost"
    return f"{spread.median:.3g} {word} ({spread.low:.3g} to {spread.high:.3g})"


def _time(value: float) -> str:
    """Seconds with three digits, in a unit that shows them."""
    for factor, unit in ((1.0, "s"), (1e3, "ms")):
        if value * factor >= 1:
            return f"{value * factor:.3g} {unit}"
    return f"{value * 1e6:.3g} µs"


def _target(result: Result) -> str:
    pair, texts = result.pair, []
    if pair.target is not None:
        texts.append(f"{'≥' if pair.kind == 'speed-up' else '≤'} {pair.target:g} ×")
    if pair.limit_s is not None:
        texts.append(f"≤ {pair.limit_s:g} s")
    if not texts:
        return ""
    return f"{', '.join(texts)}: {'reached' if result.reached() else 'MISSED'}"


def screen_table(report: Report) -> Table:
    """For the terminal."""
    table = Table(title=f"{report.data}; {TOY}" if report.quick else report.data)
    for name in HEAD:
        table.add_column(name)
    for row in rows(report.results, report.quick):
        table.add_row(*row)
    return table


def markdown(report: Report) -> str:
    """The table with what is needed to judge it."""
    lines = [f"| {' | '.join(HEAD)} |", f"|{'---|' * len(HEAD)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows(report.results, report.quick)]
    notes = [f"- {r.pair.name}: {r.pair.note}" for r in report.results if r.pair.note]
    notes += [f"- {r.pair.name}: {label}: {_flat(facts)}" for r in report.results for label, facts in r.facts().items()]
    notes += [f"- {case}: {line}" for case, found in report.computed.items() for line in found]
    about = [f"- {key}: {_flat(value)}" for key, value in report.machine.items()]
    head = ["# Benchmarks", "", f"`{report.command}` on {report.data}."]
    if report.quick:
        head += ["", f"**{TOY}**"]
    explained = (
        "Each ratio is the median over n rounds (smallest to largest) in which baseline and ours took turns; wall time "
        "and processor time."
    )
    return "\n".join([*head, "", explained, "", *lines, "", *notes, "", "## Machine", "", *about, ""])


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_flat(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return " ".join(_flat(item) for item in value)
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def as_json(report: Report) -> dict[str, Any]:
    """Everything, every sample included."""
    return {
        "machine": report.machine,
        "data": report.data,
        "command": report.command,
        "quick": report.quick,
        "computed": report.computed,
        "results": [_result_json(result) for result in report.results],
    }


def _result_json(result: Result) -> dict[str, Any]:
    pair = result.pair
    return {
        "case": result.case,
        "name": pair.name,
        "kind": pair.kind,
        "target": pair.target,
        "limit_s": pair.limit_s,
        "reached": result.reached(),
        "note": pair.note,
        "ratio_wall": result.ratio("wall_s")._asdict(),
        "ratio_cpu": result.ratio("cpu_s")._asdict(),
        "baseline": {"label": pair.baseline.label, "samples": [sample._asdict() for sample in result.baseline]},
        "ours": {"label": pair.ours.label, "samples": [sample._asdict() for sample in result.ours]},
    }


def write_report(report: Report, folder: Path, stem: str) -> list[Path]:
    """Write ``<stem>.json`` and ``<stem>.md``; returns both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{stem}.json", folder / f"{stem}.md"]
    files[0].write_text(json.dumps(as_json(report), indent=1), encoding="utf-8")
    files[1].write_text(markdown(report), encoding="utf-8")
    return files
