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

from lightning_imb.launches import current_launches, launches_of
from lightning_imb.utils.jobs import Cell, Outcome
from lightning_imb.utils.process import is_alive

_STATES = {
    "done": "done",
    "skipped": "skipped (done before)",
    "failed": "failed",
    "interrupted": "interrupted",
    "lost": "lost",
    "waiting": "not begun",
}
_REASONS = {"lost": "its process vanished (killed, or out of memory)", "waiting": "the sweep ended before"}
_TRAINED = ("trained", "resumed")


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

    def begun(self, cell: Cell) -> int:
        """How often a cell has begun in this sweep."""
        return len(self._launches(cell))

    def running(self, cell: Cell) -> bool:
        """Whether a cell runs in another process of this machine at this moment."""
        return any(_alive(one) and one["pid"] != os.getpid() for one in self._launches(cell))

    def unfinished(self, cell: Cell) -> bool:
        """Whether a cell that does not run has no end: it never began, or its process was killed."""
        last = self._last(cell)
        return not last or _dead(last)

    def deaths(self, cell: Cell) -> int:
        """How often the process of a cell was killed in this sweep."""
        return sum(_dead(one) for one in self._launches(cell))

    def stop(self, signum: int, cells: Sequence[Cell]) -> None:
        """Send SIGTERM to the cells that run on this machine, but not to those that had the same signal already."""
        for last in (self._last(cell) for cell in cells if cell.outcome is None):
            if _alive(last) and not _told_by_terminal(signum, last["pid"]):
                with suppress(ProcessLookupError):  # it has just ended by itself
                    os.kill(last["pid"], signal.SIGTERM)

    def summary(self, cells: Sequence[Cell]) -> str:
        """The closing words: counts, where phase 1 came from, and a line for each cell that is not done."""
        states = Counter(self._state(cell) for cell in cells)
        counts = ", ".join(f"{states[state]} {words}" for state, words in _STATES.items() if states[state])
        lines = [f"sweep of {len(cells)} runs in {_duration(time.monotonic() - self._start)}: {counts}"]
        lines += _extractors(cells)
        lines += [
            f"{self._state(cell):<11} {cell.folder}: {self._reason(cell)}"
            for cell in cells
            if self._state(cell) in ("failed", "interrupted", "lost")
        ]
        return "\n".join(lines)

    def open_ends(self, cells: Sequence[Cell]) -> list[Outcome]:
        """How those cells ended that are not done."""
        return [Outcome("failed", self._reason(cell)) for cell in cells if self._state(cell) not in ("done", "skipped")]

    def _launches(self, cell: Cell) -> list[dict[str, Any]]:
        """Those since the sweep began."""
        return launches_of(cell.folder)[self._earlier[cell.name] :]

    def _last(self, cell: Cell) -> dict[str, Any]:
        """The newest launch by this sweep; empty where there was none.

        Another command that was refused the folder meanwhile has left an entry behind it.
        """
        launches = self._launches(cell)
        process = (socket.gethostname(), os.getpid()) if cell.outcome is None else cell.outcome.process
        own = [one for one in launches if (one["host"], one["pid"]) == process]
        dead = [one for one in launches if _dead(one)]
        killed_each_time = dead if len(dead) >= cell.launches else []
        newest = own or [one for one in launches if _alive(one)] or killed_each_time or launches
        return newest[-1] if newest else {}

    def _state(self, cell: Cell) -> str:
        last = self._last(cell)
        if last.get("skipped"):
            return "skipped"
        if cell.outcome is not None and cell.outcome.state != "lost":
            return cell.outcome.state
        missing = "waiting" if cell.outcome is None else "lost"
        return "lost" if last.get("state") == "running" else last.get("state", missing)

    def _reason(self, cell: Cell) -> str:
        recorded = self._last(cell).get("error")
        if cell.outcome is None:
            told = recorded
        elif cell.outcome.state == "lost":  # it may have known more itself
            told = recorded or cell.outcome.sentence
        else:
            told = cell.outcome.sentence or recorded
        return told or _REASONS.get(self._state(cell), "for no reason that it noted")


def _extractors(cells: Sequence[Cell]) -> Iterator[str]:
    """How many extractors were trained, and how many cells took one over.

    All launches count, also those of earlier sweeps: a cell that goes on in phase 3 notes nothing anew.
    """
    trained, in_use, taken = set(), set(), 0
    for cell in cells:
        launches = [one for one in current_launches(cell.folder) if "phase_1" in one]
        sources = [(one.get("phase_1_key") or cell.name, one["phase_1"]) for one in launches]
        trained |= {name for name, source in sources if source in _TRAINED}  # without a key each cell has its own
        in_use |= {name for name, source in sources[-1:] if source in _TRAINED}
        taken += sum(source not in _TRAINED for _, source in sources[-1:])
    taken -= len(trained - in_use)  # whoever trained it took it out of the store again after a kill
    if trained or taken:
        yield f"phase 1: {len(trained)} trained, {taken} taken over"


def _alive(one: dict[str, Any]) -> bool:
    """Whether the process of a launch is on this machine and works."""
    here = one.get("state") == "running" and one["host"] == socket.gethostname()
    return here and is_alive(one["pid"], one.get("process_start"))


def _dead(one: dict[str, Any]) -> bool:
    """Whether a launch was killed; of another machine nobody knows."""
    return one["state"] == "running" and one["host"] == socket.gethostname() and not _alive(one)


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
