"""Hydra's sweeper, which looks at every cell before the first one starts and does not stop at one that fails."""

import hashlib
import itertools
import logging
import os
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
from hydra.core.utils import JobReturn  # noqa: E402
from hydra.plugins.launcher import Launcher  # noqa: E402
from hydra.types import HydraContext, TaskFunction  # noqa: E402
from omegaconf import DictConfig, OmegaConf, open_dict  # noqa: E402

from lightning_imb.utils.errors import InputError  # noqa: E402
from lightning_imb.utils.jobs import Cell, Job  # noqa: E402
from lightning_imb.utils.signals import Interrupted, end_now, on_ending_signals  # noqa: E402

log = logging.getLogger(__name__)

_LONGEST_NAME = 255  # bytes that Linux, macOS and NFS take for one folder
_DIGEST = 12  # hexadecimal digits, enough to tell the cells of a sweep apart

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
        """Run a batch, and again what a crash of the launcher left unbegun.

        Raises:
            Interrupted: If a signal ended the sweep.
        """
        cells = self.job.cells[initial_job_idx : initial_job_idx + len(job_overrides)]
        todo = [(cell, [*given, _in_folder(cell)]) for cell, given in zip(cells, job_overrides, strict=True)]
        returns: Sequence[JobReturn] = []
        self.job.stop_file = self.stop_file
        in_this_process = isinstance(self.inner, BasicLauncher)
        with on_ending_signals(end_now if in_this_process else self._stop):
            while todo:
                returns, todo = self._launch(todo, initial_job_idx)
        if self.job.stopped is not None:
            self.stop_file.unlink()  # not after a second signal: jobs may then wait in a queue
            raise Interrupted(self.job.stopped)
        return returns

    def _launch(self, todo: list[_Launched], number: int) -> tuple[Sequence[JobReturn], list[_Launched]]:
        """Returns of what came back, and what is left to launch."""
        try:
            returns = self.inner.launch([overrides for _, overrides in todo], initial_job_idx=number)
        except Exception as error:
            left = self._unbegun([cell for cell, _ in todo], error)
            return [], [(cell, overrides) for cell, overrides in todo if cell in left]
        for (cell, _), done in zip(todo, returns, strict=True):
            cell.outcome = done.return_value
        return returns, []

    def _unbegun(self, cells: list[Cell], error: Exception) -> list[Cell]:
        """After a worker was killed: the cells it or its neighbours had not begun."""
        begun = [] if self.job.watch is None else [cell for cell in cells if self.job.watch.begun(cell)]
        if self.job.stopped is not None:
            return []
        if not begun:  # no cell is to blame, so it would happen again
            raise error
        log.error("the launcher broke down (%s: %s)", type(error).__name__, error)
        return [cell for cell in cells if cell not in begun]

    def _stop(self, signum: int, frame: FrameType | None) -> None:
        """Let no further cell begin and tell the running ones; at the second signal end at once."""
        if self.job.stopped is not None:
            end_now(signum, frame)
        self.job.stopped = signum
        self.stop_file.touch()
        if self.job.watch is not None:
            self.job.watch.stop(signum, self.job.cells)


def folder_name(subdir: str) -> str:
    """The folder of a cell below the sweep's, in a form that can be made and stays below it.

    Names are made of the values a user gives: a path among them makes several folders of one name, of which ``..``
    would lead out of the sweep; a long one is cut, and told apart by a digest of the whole.

    Args:
        subdir: What ``hydra.sweep.subdir`` says.

    Returns:
        A path of which each part has at most 255 bytes.
    """
    parts = [part for part in subdir.split("/") if part not in ("", ".")]
    inside = "/".join(_short("__" if part == ".." else part) for part in parts)
    return f"/{inside}" if subdir.startswith("/") else inside or "."


def _short(name: str) -> str:
    whole = name.encode()
    if len(whole) <= _LONGEST_NAME:
        return name
    kept = whole[: _LONGEST_NAME - _DIGEST - 1].decode(errors="ignore")
    return f"{kept}~{hashlib.sha256(whole).hexdigest()[:_DIGEST]}"


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
