"""A lock between processes that ends with the process that holds it."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning_imb.utils.errors import InputError

log = logging.getLogger(__name__)

_PAUSE = 0.5  # seconds between two attempts


@contextmanager
def locked(path: Path, waiting: Callable[[], None]) -> Iterator[bool]:
    """Hold an exclusive lock on a file, after waiting until no other process does.

    It is a record lock of the operating system (``fcntl``). It works across the machines of a shared file system that
    supports it, and the system takes it back from a process that died, however it died; that of a machine that crashed
    is taken back by the file server, in its own time. Worker processes forked by the holder do not share it. A process
    that takes the same lock twice loses it with the first of both that ends.

    Args:
        path: The lock file; made if missing, left behind, never read.
        waiting: Called once, when another process turns out to hold the lock; an ``InputError`` of it refuses to wait.

    Yields:
        Whether the lock is held: False on a system or file system that has none.

    Raises:
        InputError: That of ``waiting``, from the error of the system, which tells it from bad settings.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        yield _acquire(descriptor, path, waiting)
    finally:
        os.close(descriptor)  # which gives the lock back


def _record_locks() -> Any:
    try:
        import fcntl
    except ImportError:  # not a POSIX system
        return None
    return fcntl


def _acquire(descriptor: int, path: Path, waiting: Callable[[], None]) -> bool:
    fcntl = _record_locks()
    if fcntl is None:
        log.warning("this system has no locks for %s", path)
        return False
    told = False
    while True:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as busy:  # EAGAIN or EACCES: POSIX allows both
            if not told:
                _tell(waiting, busy)
            told = True
            time.sleep(_PAUSE)
        except OSError as error:
            log.warning("the file system of %s has no locks (%s)", path, error.strerror)
            return False
        else:
            return True


def _tell(waiting: Callable[[], None], busy: OSError) -> None:
    try:
        waiting()
    except InputError as refusal:
        raise refusal from busy
