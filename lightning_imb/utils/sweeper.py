"""Hydra's sweeper, which looks at every cell before the first one starts and does not stop at one that fails."""

import itertools
import logging
import os
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from hydra.core.plugins import Plugins

Plugins.instance()  # executes Hydra's own plugins anew: classes imported before would not be those that it uses

# ruff: isort: split
from hydra._internal.core_plugins.basic_launcher import BasicLauncher  # noqa: E402
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper  # noqa: E402
from hydra.core.hydra_config import HydraConfig  # noqa: E402
from hydra.core.override_parser.types import Quote, QuotedString  # noqa: E402
from hydra.core.singleton import Singleton  # noqa: E402
from hydra.core.utils import JobReturn, JobStatus  # noqa: E402
from hydra.plugins.launcher import Launcher  # noqa: E402
from hydra.types import HydraContext, TaskFunction  # noqa: E402
from omegaconf import DictConfig, OmegaConf, open_dict  # noqa: E402

from lightning_imb.utils.errors import InputError, sentence_of  # noqa: E402
from lightning_imb.utils.job_array import launch_array, submits  # noqa: E402
from lightning_imb.utils.jobs import Cell, Job, Outcome  # noqa: E402
from lightning_imb.utils.signals import Interrupted, end_now, on_ending_signals  # noqa: E402
from lightning_imb.utils.sweep_folders import folder_name, why_unwritable  # noqa: E402

log = logging.getLogger(__name__)

_PAUSE_S = 0.1  # between two looks at cells that outlive their launcher

_DEATHS_TOGETHER = 2  # a killed worker takes its neighbours along: who died so often is launched alone, and then lost

_Launched = tuple[Cell, list[str]]  # with its overrides


@contextmanager
def every_cell() -> Iterator[None]:
    """Put :class:`EveryCell` in the place of Hydra's own sweeper for a while.

    Hydra takes sweepers by name from the ``hydra_plugins`` package alone, where an editable install is not looked
    into; so the name stays Hydra's.
    """
    known = Plugins.instance().class_name_to_class
    name = f"{BasicSweeper.__module__}.{BasicSweeper.__name__}"
    before = known[name]
    known[name] = EveryCell
    try:
        yield
    finally:
        known[name] = before


class EveryCell(BasicSweeper):
    """The product of all choices, as Hydra makes it; its function must be a :class:`Job`, which learns the cells."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra hands over."""
        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)
        assert isinstance(task_function, Job)
        assert self.launcher is not None
        self.job = task_function
        self.job.watch = None if self.job.make_watch is None else self.job.make_watch()
        self.launcher = _ToTheEnd(self.launcher, self.job, Path(config.hydra.sweep.dir))

    def validate_batch_is_legal(self, batch: Sequence[Sequence[str]]) -> None:
        """Compose all cells of all batches at the first; each gets a folder that no other one has.

        Raises:
            InputError: If two cells would share a folder, or the command refuses one of them.
        """
        if self.job.cells:
            return
        assert self.overrides is not None
        every = [list(overrides) for overrides in itertools.chain.from_iterable(self.overrides)]
        cells = [self._plan(number, overrides) for number, overrides in enumerate(every)]
        _refuse_shared(cells, every)
        self.job.cells = cells
        if self.job.watch is not None:
            self.job.watch.begin(cells)

    def is_done(self) -> bool:
        """No further batch once the sweep was told to end."""
        return self.job.stopped is not None or super().is_done()

    def _plan(self, number: int, overrides: Sequence[str]) -> Cell:
        assert self.hydra_context is not None
        assert self.config is not None
        cfg = self.hydra_context.config_loader.load_sweep_config(self.config, list(overrides))
        with open_dict(cfg):
            cfg.hydra.job.num = cfg.hydra.job.id = number
        with _as_current(cfg):
            name = folder_name(str(OmegaConf.select(cfg, "hydra.sweep.subdir")))
            cell = Cell(name, Path(os.path.abspath(Path(cfg.hydra.sweep.dir) / name)))
            if self.job.watch is not None:
                self.job.watch.check(cfg)
        return cell


class _ToTheEnd(Launcher):
    """A launcher whose every return is noted, which ends in good order on a signal and survives a killed worker.

    Args:
        inner: Hydra's launcher.
        job: The function it was set up with.
        sweep_dir: Folder of the sweep.
    """

    def __init__(self, inner: Launcher, job: Job, sweep_dir: Path) -> None:
        self.inner, self.job = inner, job
        # of this launch alone: one that a killed sweep has left must not stop the next
        self.stop_file = sweep_dir / f".stop-{uuid.uuid4().hex}"

    def setup(self, **_: Any) -> None:
        """The inner launcher is set up already."""

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run a batch, and again what a crash of the launcher took with it.

        Returns:
            Nothing: the outcomes are in the cells, and Hydra would raise what a failed one returned.

        Raises:
            Interrupted: If a signal ended the sweep.
        """
        cells = self.job.cells[initial_job_idx : initial_job_idx + len(job_overrides)]
        given = [(cell, [*given, _in_folder(cell)]) for cell, given in zip(cells, job_overrides, strict=True)]
        todo = [(cell, overrides) for cell, overrides in given if _can_begin(cell)]
        self.job.stop_file = self.stop_file
        in_this_process = isinstance(self.inner, BasicLauncher)
        with on_ending_signals(end_now if in_this_process else self._stop):
            while todo and self.job.stopped is None:
                batch = [one for one in todo if self._deaths(one) < _DEATHS_TOGETHER] or todo[:1]
                todo = [one for one in todo if one not in batch] + self._launch(batch, initial_job_idx)
        if self.job.stopped is not None:
            self.stop_file.unlink()  # not after a second signal: jobs may then wait in a queue
            raise Interrupted(self.job.stopped)
        return []

    def _launch(self, todo: list[_Launched], number: int) -> list[_Launched]:
        """Note what came back; returns what is left to launch."""
        watch = self.job.watch
        before = [0 if watch is None else watch.begun(cell) for cell, _ in todo]
        for cell, _ in todo:
            cell.launches += 1
        try:
            ends = self._ends([overrides for _, overrides in todo], number)
        except Exception as error:
            self._broke_down([cell for cell, _ in todo], before, error)
            return [one for one in todo if self._deserves_another(one)]
        for (cell, _), end in zip(todo, ends, strict=True):
            cell.outcome = end
        return []

    def _ends(self, overrides: list[list[str]], number: int) -> list[Outcome]:
        if submits(self.inner):
            ends = launch_array(self.inner, overrides, number, Singleton.get_state())
        else:
            ends = list(self.inner.launch(overrides, initial_job_idx=number))
        return [end if isinstance(end, Outcome) else _outcome(end) for end in ends]

    def _broke_down(self, cells: list[Cell], before: list[int], error: Exception) -> None:
        """After a worker was killed: wait for the cells that go on regardless.

        Raises:
            Exception: What broke down, if no cell had begun: none is to blame, so it would happen again.
        """
        watch = self.job.watch
        if watch is not None:
            while any(watch.running(cell) for cell in cells):
                time.sleep(_PAUSE_S)
        if self.job.stopped is not None:
            return
        if watch is None or all(watch.begun(cell) == n for cell, n in zip(cells, before, strict=True)):
            raise error
        log.error("the launcher broke down (%s: %s)", type(error).__name__, error)

    def _deserves_another(self, one: _Launched) -> bool:
        watch = self.job.watch
        if watch is None or self.job.stopped is not None:
            return False
        return watch.unfinished(one[0]) and self._deaths(one) <= _DEATHS_TOGETHER

    def _deaths(self, one: _Launched) -> int:
        return 0 if self.job.watch is None else self.job.watch.deaths(one[0])

    def _stop(self, signum: int, frame: FrameType | None) -> None:
        """Let no further cell begin and tell the running ones; at the second signal end at once."""
        if self.job.stopped is not None:
            end_now(signum, frame)
        self.job.stopped = signum
        self.stop_file.touch()
        if self.job.watch is not None:
            self.job.watch.stop(signum, self.job.cells)


def _can_begin(cell: Cell) -> bool:
    """Whether a cell has a folder; if not it has failed, and must not take others along from inside a launcher."""
    why = why_unwritable(cell.folder)
    if why:
        cell.outcome = Outcome("failed", why)
    return not why


def _outcome(done: JobReturn) -> Outcome:
    """How a cell ended, by what Hydra returns for it; asking it for the value of a failed one would raise."""
    value = done._return_value
    if done.status == JobStatus.COMPLETED and isinstance(value, Outcome):
        return value
    return Outcome("failed", sentence_of(value) if isinstance(value, Exception) else "it returned nothing")


def _in_folder(cell: Cell) -> str:
    """The override that keeps a cell in the folder that was planned for it."""
    return f"hydra.sweep.subdir={QuotedString(cell.name, Quote.single).with_quotes()}"


def _refuse_shared(cells: Sequence[Cell], every: Sequence[Sequence[str]]) -> None:
    folder, number = Counter(cell.folder for cell in cells).most_common(1)[0]
    if number > 1:
        two = [" ".join(overrides) for cell, overrides in zip(cells, every, strict=True) if cell.folder == folder][:2]
        raise InputError(
            f"the cells '{two[0]}' and '{two[1]}' would share the folder {folder}: "
            "let hydra.sweep.subdir name what differs, or leave it as it is"
        )


@contextmanager
def _as_current(cfg: DictConfig) -> Iterator[None]:
    """``${hydra:...}`` means this config for a while."""
    hydra = HydraConfig.instance()
    before = hydra.cfg
    hydra.set_config(cfg)
    try:
        yield
    finally:
        hydra.cfg = before
