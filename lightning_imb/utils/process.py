"""Whether a process of this machine is still the one that was meant."""

import os
from pathlib import Path

_STATE, _START = 0, 19  # among the fields behind the name of the program: 3 and 22 of proc(5)
_ENDED = ("Z", "X")  # what Linux calls a process that its parent has not asked about yet


def start_of(pid: int) -> str | None:
    """A mark of when a process of this machine began, which no later process with its number bears.

    Args:
        pid: Its number.

    Returns:
        The boot of the machine and the clock ticks since; None where the system does not tell (not Linux), or there is
        no such process.
    """
    fields = _fields(pid)
    return _mark(fields) if fields else None


def is_alive(pid: int, start: str | None) -> bool:
    """Whether a process is on this machine and works.

    Args:
        pid: Its number, which the system gives to another process after its end.
        start: What :func:`start_of` said of it; None believes the number alone.
    """
    try:
        os.kill(pid, 0)
    except OSError:  # gone, or another user's by now
        return False
    fields = _fields(pid)
    if not fields:  # not Linux
        return True
    return fields[_STATE] not in _ENDED and start in (None, _mark(fields))


def _fields(pid: int) -> list[str]:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return status.rpartition(")")[2].split()  # the name stands in brackets and may hold any character


def _mark(fields: list[str]) -> str | None:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None
    return f"{boot} {fields[_START]}"
