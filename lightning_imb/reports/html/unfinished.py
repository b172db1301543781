"""Runs that have started and are not done."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning_imb.launches import current_launches
from lightning_imb.reports.grid import Grid
from lightning_imb.reports.html.parts import Section, sortable
from lightning_imb.reports.unfinished import ALL, unfinished
from lightning_imb.utils.errors import InputError

STATES = {"running": "running, or killed without a word", "done": "its metrics.json is gone"}
HEADER = ("folder", "state", "launches", "last launch", "reason")


def unfinished_section(folder: Path, only: Mapping[str, Sequence[str]] = ALL) -> Section:
    """List the runs below a folder without ``metrics.json``: none of them is in any table or figure.

    Args:
        folder: The folder of the report.
        only: Values that runs must have, by key; runs whose config is not known are listed.
    """
    rows = tuple(_cells(path, folder) for path in unfinished(folder, only))
    if not rows:
        return Section("unfinished", "Unfinished runs", "None: every run that has started is done.")
    text = "In no table and no figure. The same imb-train command resumes those that stopped and retries the failed."
    grid = Grid("Runs without metrics.json", HEADER, rows, labels=len(HEADER))
    return Section("unfinished", "Unfinished runs", text, (sortable(grid),))


def _cells(path: Path, folder: Path) -> tuple[str, ...]:
    name = path.relative_to(folder).as_posix()
    try:
        launches = current_launches(path)
    except InputError as error:
        return name, "unknown", "", "", str(error)
    last: dict[str, Any] = launches[-1] if launches else {"state": "unknown"}
    state, reason = str(last["state"]), str(last.get("error") or "")
    return name, STATES.get(state, state), str(len(launches)), str(last.get("started", "")), reason
