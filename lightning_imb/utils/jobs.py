"""What Hydra calls for each composed config: a run by itself, or one cell of a sweep, in this process or in another."""

import functools
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from lightning_imb.utils.errors import InputError, sentence_of
from lightning_imb.utils.hints import explain_in_task
from lightning_imb.utils.signals import Interrupted

if TYPE_CHECKING:
    from omegaconf import DictConfig

Task = Callable[["DictConfig"], None]
Launch = Callable[["DictConfig"], AbstractContextManager[None]]


class Outcome(NamedTuple):
    """How a cell ended; plain values, so that it comes back from another process as it was.

    Attributes:
        state: ``waiting`` is a cell that never began, because the sweep was told to end; ``lost`` one whose process
            brought nothing back.
        sentence: Why it is not done; empty otherwise.
        process: Host and number of the process that says so; None where it could not.
    """

    state: Literal["done", "failed", "interrupted", "waiting", "lost"]
    sentence: str = ""
    process: tuple[str, int] | None = None


@dataclass
class Cell:
    """One run of a sweep, as the process that started the sweep sees it.

    Attributes:
        name: Its folder below the sweep's.
        folder: The whole path.
        outcome: None as long as it has not ended, and for ever if its launcher broke down.
        launches: How often a launcher was given it.
    """

    name: str
    folder: Path
    outcome: Outcome | None = None
    launches: int = 0


class Watch(Protocol):
    """What a command wants to know about its sweeps; asked in the process that started the sweep."""

    def check(self, cfg: "DictConfig") -> None:
        """Refuse, with an ``InputError``, the sweep for one of its cells before any is started."""

    def begin(self, cells: Sequence[Cell]) -> None:
        """All cells are known, none is started."""

    def begun(self, cell: Cell) -> int:
        """How often a cell has begun in this sweep."""

    def running(self, cell: Cell) -> bool:
        """Whether a cell runs in another process of this machine at this moment."""

    def unfinished(self, cell: Cell) -> bool:
        """Whether a cell that does not run has no end: it never began, or its process was killed."""

    def deaths(self, cell: Cell) -> int:
        """How often the process of a cell was killed in this sweep."""

    def stop(self, signum: int, cells: Sequence[Cell]) -> None:
        """Tell the cells that run in other processes to end."""

    def summary(self, cells: Sequence[Cell]) -> str:
        """The closing words."""

    def open_ends(self, cells: Sequence[Cell]) -> list[Outcome]:
        """How those cells ended that are not done."""


class Job:
    """A task with what every command does around it: missing values, records, log, the end.

    A run by itself ends the process. Nothing but an interruption leaves a cell of a sweep: Hydra's launchers give up
    the other cells at an exception, and not every exception survives the way back from another process.

    Args:
        task: What to run.
        launch: Records one launch of a run from its begin to its end.
        watch: Makes what looks after the sweeps of this command.

    Attributes:
        failure: What left the task of a single run; all other exceptions come from Hydra.
        cells: Of the sweep, once they are known.
        stop_file: While it exists no further cell begins.
        stopped: The signal that ended the sweep.
    """

    def __init__(self, task: Task, launch: Launch | None = None, watch: Callable[[], Watch] | None = None) -> None:
        functools.update_wrapper(self, task)  # Hydra names a job after the module of its function
        self.task, self.launch, self.make_watch = task, launch, watch
        self.failure: Exception | None = None
        self.cells: list[Cell] = []
        self.stop_file: Path | None = None
        self.stopped: int | None = None
        self.watch: Watch | None = None
        self._elsewhere = False

    def __getstate__(self) -> dict[str, Any]:
        """What travels to another process; the sweep as a whole is the business of this one."""
        return vars(self) | {"cells": [], "watch": None, "make_watch": None, "_elsewhere": True}

    def __call__(self, cfg: "DictConfig") -> Outcome | None:
        """Run the task; returns how a cell ended, None for a run by itself."""
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        if HydraConfig.get().mode == RunMode.MULTIRUN:
            return self._cell(cfg)._replace(process=(socket.gethostname(), os.getpid()))
        try:
            self._run(cfg)
        except Interrupted as interruption:
            print(f"{interruption}: the same command with the same folder goes on from there", file=sys.stderr)
            raise
        except Exception as error:
            self.failure = error
            _log(self.task.__module__, error, everywhere=False)
            if isinstance(error, InputError):
                raise SystemExit(f"error: {error}") from None  # Hydra lets it pass and adds no word
            raise
        return None

    def _cell(self, cfg: "DictConfig") -> Outcome:
        if self._told_to_end():
            return Outcome("waiting", "the sweep was told to end before")
        try:
            self._run(cfg)
        except (Interrupted, KeyboardInterrupt) as interruption:
            if not self._elsewhere:
                raise
            return Outcome("interrupted", str(interruption))
        except SystemExit as end:
            if "SUBMITIT_EXECUTOR" in os.environ:  # how it ends a job out of time, which it has queued again
                raise
            return Outcome("failed", f"it ended itself with exit code {end.code}")
        except Exception as error:
            _log(self.task.__module__, error, everywhere=True)
            return Outcome("failed", sentence_of(error))
        return Outcome("done")

    def _run(self, cfg: "DictConfig") -> None:
        refuse_missing(cfg)
        with self.launch(cfg) if self.launch else nullcontext():
            if self._told_to_end():  # just now: whoever told saw no launch yet, and sent this process no signal
                raise Interrupted(signal.SIGTERM)
            try:
                self.task(cfg)
            except SystemExit as end:
                if end.code is None:  # how Lightning ends a loop on SIGTERM; nobody must take it for success
                    raise Interrupted(signal.SIGTERM) from None
                raise
            except Exception as error:
                sentence = explain_in_task(error)
                if sentence is None:
                    raise
                raise InputError(sentence) from error

    def _told_to_end(self) -> bool:
        return self.stop_file is not None and self.stop_file.exists()


def _log(name: str, failure: Exception, everywhere: bool) -> None:
    """Write bad input as a sentence and a defect with its traceback; to the log file only, or to the screen too."""
    logger, root = logging.getLogger(name), logging.getLogger()
    trace = None if isinstance(failure, InputError) else (type(failure), failure, failure.__traceback__)
    record = logger.makeRecord(name, logging.ERROR, "", 0, "%s", (failure,), trace)
    for handler in root.handlers:
        if everywhere or isinstance(handler, logging.FileHandler):
            handler.handle(record)


def refuse_missing(cfg: "DictConfig") -> None:
    """Ask for all values that the user has to give, at once and before anything is loaded.

    Raises:
        InputError: If a key still is ``???``.
    """
    from omegaconf import OmegaConf

    missing = sorted(_missing(OmegaConf.to_container(cfg, resolve=False)))
    if missing:
        keys, example = " and ".join(missing), " ".join(f"{key}=..." for key in missing)
        verb, pronoun = ("have", "them") if len(missing) > 1 else ("has", "it")
        raise InputError(f"{keys} {verb} no value: give {pronoun} on the command line, {example}")


def _missing(node: Any, prefix: str = "") -> Iterator[str]:
    if node == "???":
        yield prefix
    elif isinstance(node, dict):
        for key, child in node.items():
            yield from _missing(child, f"{prefix}.{key}" if prefix else str(key))
