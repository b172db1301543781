"""How often a run was launched, when, by which process, and how each launch ended."""

import json
import logging
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from lightning_imb.utils.atomic import remove_drafts, write_json_atomic
from lightning_imb.utils.environment import first_process
from lightning_imb.utils.errors import InputError, NoRoomError, sentence_of
from lightning_imb.utils.lock import locked
from lightning_imb.utils.process import start_of
from lightning_imb.utils.signals import Interrupted, end_now, on_ending_signals

log = logging.getLogger(__name__)

FILE = "launches.json"
_LOCK = ".launches.lock"  # not that of the run: a launch is recorded before it claims the folder


def launches_of(folder: str | Path) -> list[dict[str, Any]]:
    """All launches of a run, oldest first; empty where none was recorded.

    Args:
        folder: A run folder.

    Returns:
        For each launch ``started`` (ISO 8601, UTC), ``host``, ``pid``, ``process_start`` (see ``process.start_of``),
        ``state`` (``running``, ``done``, ``failed`` or ``interrupted``), ``error`` (a sentence or None), ``wall_s``,
        and the facts noted by the run. A launch that was killed stays ``running``.

    Raises:
        InputError: If the file is damaged.
    """
    path = Path(folder) / FILE
    if not path.is_file():
        return []
    try:
        launches: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["launches"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged ({error}): delete it, no result is in it") from error
    return launches


def current_launches(folder: str | Path) -> list[dict[str, Any]]:
    """Launches of the run that a folder holds now, as `launches_of`; those of runs that it superseded are left out.

    Args:
        folder: A run folder.

    Raises:
        InputError: If the file is damaged.
    """
    launches = launches_of(folder)
    begin = max((n for n, one in enumerate(launches) if "superseded" in one), default=0)
    return launches[begin:]


def wall_seconds(launches: Sequence[Mapping[str, Any]]) -> float:
    """Seconds of all launches together.

    A launch that was killed, or is going on, has not recorded its own: with one of these the sum is a lower limit.

    Args:
        launches: Of a run, see `current_launches`.
    """
    return float(sum(one.get("wall_s") or 0.0 for one in launches))


@contextmanager
def launch(folder: str | Path) -> Iterator[None]:
    """Record a launch of the run in this folder: when it began, and how it ended.

    SIGTERM and Ctrl-C end the job with :class:`Interrupted`, unless a part of it answers them itself. Of several
    processes of one run only the first one writes.

    Args:
        folder: The run folder; made if missing.
    """
    start = time.perf_counter()
    _append(folder)
    state, error = "failed", None
    try:
        with _interruptible():
            yield
        state = "done"
    except (Interrupted, KeyboardInterrupt) as interruption:
        state, error = "interrupted", str(interruption) or "interrupted from the keyboard"
        raise
    except BaseException as failure:
        error = sentence_of(failure)
        raise
    finally:
        _close(folder, state=state, error=error, wall_s=round(time.perf_counter() - start, 2))


@contextmanager
def _interruptible() -> Iterator[None]:
    """End with :class:`Interrupted` after a signal, also where something else fails on the way out."""
    told: list[int] = []

    def answer(signum: int, frame: FrameType | None) -> None:
        told.append(signum)
        end_now(signum, frame)

    try:
        with on_ending_signals(answer):
            yield
    except Exception as consequence:
        # a trainer that is torn down while it is being set up, a config that was being read: whatever it is called now
        if told and not isinstance(consequence, NoRoomError):
            raise Interrupted(told[0]) from consequence
        raise


def note_launch(folder: str | Path, **facts: Any) -> None:
    """Add facts to this process's launch of a run; does nothing where it recorded none.

    Args:
        folder: The run folder.
        facts: Plain values by name.
    """
    if not first_process() or not (Path(folder) / FILE).is_file():
        return
    with _alone(folder):
        launches = launches_of(folder)
        # not simply the last one: a launch that was refused because this one is going on stands behind it
        mine = [one for one in launches if (one["host"], one["pid"]) == (socket.gethostname(), os.getpid())]
        if mine:
            mine[-1] |= facts
            write_json_atomic(Path(folder) / FILE, {"launches": launches})


def _alone(folder: str | Path) -> AbstractContextManager[bool]:
    """Keep other launches from writing back what they read before this one wrote."""
    return locked(Path(folder) / _LOCK, lambda: None)


def _close(folder: str | Path, **facts: Any) -> None:
    try:
        note_launch(folder, **facts)
    except (OSError, InputError) as error:  # must not take the place of what ended the job
        log.warning("how this launch ended is not recorded: %s", error)


def _append(folder: str | Path) -> None:
    if not first_process():
        return
    now = datetime.now(UTC).isoformat(timespec="seconds")
    pid = os.getpid()
    process = {"host": socket.gethostname(), "pid": pid, "process_start": start_of(pid)}
    one = {"started": now, **process, "state": "running", "error": None}
    try:
        with _alone(folder) as alone:
            if alone:
                remove_drafts(Path(folder), FILE)  # of a launch that was killed
            write_json_atomic(Path(folder) / FILE, {"launches": [*launches_of(folder), one]})
    except NoRoomError:
        raise
    except OSError as error:
        raise InputError(
            f"the run folder {folder} cannot be written to ({error.strerror}): "
            "choose another one with hydra.run.dir=<folder>"
        ) from error
