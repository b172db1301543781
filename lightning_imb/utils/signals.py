"""What SIGTERM and Ctrl-C do to a job."""

import atexit
import functools
import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGTERM, signal.SIGINT)
Handler = Callable[[int, FrameType | None], None]


class Interrupted(SystemExit):
    """A job was told to end; ends the process with 128 + the signal's number, as a shell reports it.

    Args:
        signum: The signal.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(128 + signum)
        self.signum = signum

    def __str__(self) -> str:
        return f"interrupted by {signal.Signals(self.signum).name}"


@contextmanager
def on_ending_signals(handler: Handler) -> Iterator[None]:
    """Let a handler answer SIGTERM and SIGINT for a while; elsewhere than in the main thread nothing changes.

    Args:
        handler: What Python calls, in the main thread, between two bytecodes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {signum: signal.signal(signum, handler) for signum in ENDING}
    try:
        yield
    finally:
        for signum, old in before.items():
            signal.signal(signum, signal.SIG_DFL if old is None else old)


def end_now(signum: int, frame: FrameType | None) -> None:
    """End the job where it is; what is being written atomically is left as it was.

    Raises:
        Interrupted: Always.
    """
    raise Interrupted(signum)


def leave_signals_to_the_parent(worker: int) -> None:
    """Let a worker process of a loader ignore Ctrl-C and SIGTERM, which terminals and schedulers send to all of a job.

    The parent finishes its batch, for which it needs the worker, and then ends it; see :func:`workers_end_with_us`.

    Args:
        worker: Its number.
    """
    for signum in ENDING:
        signal.signal(signum, signal.SIG_IGN)


@functools.cache
def workers_end_with_us() -> None:
    """See to it, once, that workers which ignore signals are killed when this process ends.

    Python would terminate them by a signal that they ignore, and wait for ever.
    """
    atexit.register(_kill_workers)  # runs before what multiprocessing has registered at its import


def _kill_workers() -> None:
    for worker in multiprocessing.active_children():
        worker.kill()
