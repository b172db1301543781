"""One side of a pair in a long-lived process of its own, idle unless it is its turn.

The product changes settings of its process (threads, the allocator) that would help or harm a baseline beside it,
hence the separate processes; they are alive together, hence the turns.
"""

import multiprocessing
import os
import signal
import sys
import tempfile
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.case import BenchmarkError, Settings, Side
from benchmarks.process import as_product, as_script
from benchmarks.timing import Sample, Stopwatch

_PATIENCE_S = 10  # for a process that was told to end


class Worker:
    """The process of a side, seen from outside; a context manager that ends it.

    Args:
        side: What it does.
        settings: What it is told.
    """

    def __init__(self, side: Side, settings: Settings) -> None:
        self.side = side
        context = multiprocessing.get_context("spawn")  # a forked child would inherit threads and settings
        self._connection, theirs = context.Pipe()
        handle, output = tempfile.mkstemp(suffix=".txt", dir=settings.scratch)
        os.close(handle)
        self._output = Path(output)
        self._process = context.Process(target=_serve, args=(side, settings, theirs, self._output))
        self._process.start()
        theirs.close()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        self._process.join(_PATIENCE_S)
        if self._process.is_alive():  # in the middle of its work, because the other side failed
            self._process.kill()
            self._process.join()

    def ready(self) -> None:
        """Wait until everything that does not count is set up."""
        self._receive()

    def round(self) -> Sample:
        """Let it work once; returns what that took."""
        with suppress(BrokenPipeError, ConnectionResetError):  # it has ended, and left word why
            self._connection.send("go")
        sample = self._receive()
        assert isinstance(sample, Sample)
        return sample

    def _receive(self) -> Any:
        try:
            answer = self._connection.recv()
        except (EOFError, ConnectionResetError):
            tail = self._output.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise BenchmarkError(f"'{self.side.label}' ended before its work was done; it said:\n{tail}") from None
        if isinstance(answer, str):
            raise BenchmarkError(f"'{self.side.label}' failed:\n{answer}")
        return answer


class PipeTurn:
    """The turns of a side, as its process sees them.

    Args:
        connection: To the process that drives.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._watch: Stopwatch | None = None
        self._sample: Sample | None = None  # of the turn before; none of the first one

    def begin(self) -> None:
        """Hand in the turn before, wait for the next one.

        What a side does between its turns, such as setting up the next fit, is over by then: the other side never
        works beside it.
        """
        self._connection.send(self._sample)
        try:
            self._connection.recv()
        except (EOFError, ConnectionResetError):
            os._exit(0)  # the measurement is over: a fit of many epochs need not be wound up
        self._watch = Stopwatch()

    def end(self, units: float = 1.0, **facts: Any) -> None:
        """Stop the clock that ``begin`` started."""
        assert self._watch is not None, "a turn ends after it has begun"
        _wait_for_accelerator()
        wall, cpu = self._watch.read()
        self._watch = None
        self._sample = Sample(wall, cpu, units, facts)

    def close(self) -> None:
        """Hand in the last turn."""
        self._connection.send(self._sample)


def _wait_for_accelerator() -> None:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.synchronize()


def _serve(side: Side, settings: Settings, connection: Connection, output: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that drives, which closes the pipe
    _redirect(output)
    (as_product if side.product else as_script)(settings)
    try:
        turn = PipeTurn(connection)
        side.work(turn, settings, **side.arguments)
        turn.close()
        connection.send(f"it ended before all of its {settings.rounds} rounds")
    except BenchmarkError as error:
        connection.send(str(error))
    except Exception:
        connection.send(traceback.format_exc())


def _redirect(output: Path) -> None:
    """Send what the side prints to a file: the table is what belongs on the screen."""
    handle = os.open(output, os.O_WRONLY | os.O_APPEND)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(handle, stream.fileno())
    os.close(handle)
