"""What is needed to run each run again: its command and its config."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning_imb.launches import current_launches, wall_seconds
from lightning_imb.reports.collect import RunRecord
from lightning_imb.reports.html.command import train_again
from lightning_imb.reports.html.rows import RowRuns
from lightning_imb.runs import RunFolder
from lightning_imb.utils.errors import InputError

MAX_CONFIGS = 300


@dataclass(frozen=True)
class RunEntry:
    """One run of the list.

    Attributes:
        title: Its seed.
        facts: Name and text of what is known of it.
        command: What trains it again.
        config: ``config.yaml``; None where it is left out.
    """

    title: str
    facts: tuple[tuple[str, str], ...]
    command: str
    config: str | None


@dataclass(frozen=True)
class RunList:
    """All runs.

    Attributes:
        rows: Name of each row, and its runs.
        note: What was left out, and why; empty for nothing.
    """

    rows: tuple[tuple[str, tuple[RunEntry, ...]], ...]
    note: str


def run_list(rows: Sequence[RowRuns], folder: Path, metrics: Sequence[str]) -> RunList:
    """List all runs, row by row. Above 300 runs only the first of each row shows its config: seeds differ in little.

    Args:
        rows: Runs by row.
        folder: The folder of the report.
        metrics: Scores to name.
    """
    total = sum(len(row.records) for row in rows)
    whole = total <= MAX_CONFIGS
    note = f"Of {total} runs only the first of each row shows its config; every run folder has its own in config.yaml."
    listed = tuple(
        (row.label, tuple(_entry(r, folder, metrics, whole or i == 0) for i, r in enumerate(row.records)))
        for row in rows
    )
    return RunList(listed, "" if whole else note)


def _entry(record: RunRecord, folder: Path, metrics: Sequence[str], with_config: bool) -> RunEntry:
    scores = [(name, f"{value:.4f}") for name in metrics if (value := record.score(name)) is not None]
    return RunEntry(
        title=f"seed {record.seed}",
        facts=(("folder", record.path.relative_to(folder).as_posix()), *_launched(record.path), *scores),
        command=train_again(record),
        config=RunFolder(record.path).config_file.read_text(encoding="utf-8") if with_config else None,
    )


def _launched(path: Path) -> list[tuple[str, str]]:
    """When and where the run was trained, and how long that took over all launches."""
    try:
        launches = current_launches(path)
    except InputError as error:
        return [("launches", str(error))]
    if not launches:
        return []
    facts = [
        ("launched", f"{launches[0]['started']} on {launches[0]['host']}"),
        ("wall time", f"{wall_seconds(launches):,.1f} s"),
    ]
    if len(launches) > 1:
        facts.append(("launches", str(len(launches))))
    origin = next((launch["phase_1"] for launch in launches if "phase_1" in launch), None)
    return facts + ([("phase 1", str(origin))] if origin else [])
