"""A sweep of runs seen from the process that started it: refused, told to end, summed up."""

import os
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from omegaconf import DictConfig

from lightning_imb.launches import launches_of
from lightning_imb.utils.jobs import Cell, Outcome

_STATES = {
    "done": "done",
    "skipped": "skipped (done before)",
    "failed": "failed",
    "interrupted": "interrupted",
    "lost": "lost",
    "waiting": "not begun",
}
_REASONS = {"lost": "its process vanished (killed, or out of memory)", "waiting": "the sweep ended before"}


class SweepOfRuns:
    """Watches a sweep of training runs; all it knows stands in the ``launches.json`` of the cells.

    So it is the same for every launcher, also where a cell ran on another machine or its process was killed.
    """

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._earlier: dict[str, int] = {}

    def check(self, cfg: DictConfig) -> None:
        """Refuse a sweep with runs of several processes, each of which would begin it anew.

        Raises:
            InputError: If a cell asks for more than one processor.
        """
        if cfg.accelerator.devices == 1 and cfg.accelerator.strategy == "auto":
            return
        # brings torch, which a sweep that leaves the training to other processes can do without
        from lightning_imb.checks import check_accelerator

        # a GPU may be where the cells will run, and not here
        accelerator = cfg.accelerator.copy()
        accelerator.accelerator = "cpu"
        check_accelerator(accelerator)

    def begin(self, cells: Sequence[Cell]) -> None:
        """Note how often each cell was launched before."""
        self._earlier = {cell.name: len(launches_of(cell.folder)) for cell in cells}

    def begun(self, cell: Cell) -> bool:
        """Whether this sweep has started a cell."""
        return len(launches_of(cell.folder)) > self._earlier[cell.name]

    def stop(self, signum: int, cells: Sequence[Cell]) -> None:
        """Send SIGTERM to the cells that run on this machine, but not to those that had the same signal already."""
        for cell in cells:
            last = self._last(cell)
            here = last.get("state") == "running" and last["host"] == socket.gethostname()
            if here and not _told_by_terminal(signum, last["pid"]):
                with suppress(ProcessLookupError):  # it has just ended by itself
                    os.kill(last["pid"], signal.SIGTERM)

    def summary(self, cells: Sequence[Cell]) -> str:
        """The closing words: counts, where phase 1 came from, and a line for each cell that is not done."""
        states = Counter(self._state(cell) for cell in cells)
        counts = ", ".join(f"{states[state]} {words}" for state, words in _STATES.items() if states[state])
        lines = [f"sweep of {len(cells)} runs in {_duration(time.monotonic() - self._start)}: {counts}"]
        lines += self._extractors(cells)
        lines += [
            f"{self._state(cell):<11} {cell.folder}: {self._reason(cell)}"
            for cell in cells
            if self._state(cell) in ("failed", "interrupted", "lost")
        ]
        return "\n".join(lines)

    def open_ends(self, cells: Sequence[Cell]) -> list[Outcome]:
        """How those cells ended that are not done."""
        return [Outcome("failed", self._reason(cell)) for cell in cells if self._state(cell) not in ("done", "skipped")]

    def _extractors(self, cells: Sequence[Cell]) -> Iterator[str]:
        sources = Counter(self._last(cell).get("phase_1") for cell in cells if self._state(cell) == "done")
        trained, taken = sources["trained"] + sources["resumed"], sources["store"] + sources["run"]
        if trained or taken:
            yield f"phase 1: {trained} trained, {taken} taken over"

    def _last(self, cell: Cell) -> dict[str, Any]:
        """The launch of this sweep; empty where there was none."""
        launches = launches_of(cell.folder)
        return launches[-1] if len(launches) > self._earlier[cell.name] else {}

    def _state(self, cell: Cell) -> str:
        last = self._last(cell)
        if last.get("skipped"):
            return "skipped"
        if cell.outcome is not None:
            return cell.outcome.state
        return "lost" if last.get("state") == "running" else last.get("state", "waiting")

    def _reason(self, cell: Cell) -> str:
        told = cell.outcome.sentence if cell.outcome is not None else self._last(cell).get("error")
        return told or _REASONS.get(self._state(cell), "for no reason that it noted")


def _told_by_terminal(signum: int, pid: int) -> bool:
    """Whether a process got a signal from the keyboard together with this one: the terminal tells its whole group."""
    if signum != signal.SIGINT or not sys.stdin.isatty():
        return False
    try:
        return os.getpgid(pid) == os.getpgrp() == os.tcgetpgrp(sys.stdin.fileno())
    except OSError:  # it has ended by itself
        return True


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
