"""What ``imb-analyze`` does: each analysis of each run, once, and what compares the runs of a sweep."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from omegaconf import DictConfig, ListConfig
from rich.console import Console

from lightning_imb.build import create
from lightning_imb.checks import check_accelerator, check_whole
from lightning_imb.known_keys import check_switch, check_switches
from lightning_imb.machine import pick_device
from lightning_imb.reports.collect import collect
from lightning_imb.reports.comparison import check_repeats
from lightning_imb.reports.grid import to_rich, wide_console
from lightning_imb.reports.html.rows import RowRuns, row_runs
from lightning_imb.runs import ANALYSES, RunFolder
from lightning_imb.studies.findings import Findings
from lightning_imb.studies.kept import key_of_run, key_of_sweep, read_kept, remove_kept, write_kept
from lightning_imb.studies.study import Study
from lightning_imb.studies.subject import Subject
from lightning_imb.studies.summary import numbers_of_run, numbers_of_sweep, summary_table
from lightning_imb.utils.atomic import write_text_atomic
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.lock import locked
from lightning_imb.utils.memory import keep_freed_memory
from lightning_imb.utils.threads import choose_threads


class Looked(NamedTuple):
    """One analysis of one run."""

    study: Study
    found: Findings
    key: str


class Inspection:
    """Carries out analyses, goes on after those that cannot be done, and remembers why.

    Args:
        studies: The analyses, in order.
        force: Whether to compute anew what is there.
        console: Where it says what it does.
    """

    def __init__(self, studies: Sequence[Study], force: bool, console: Console) -> None:
        self.studies, self.force, self.console = studies, force, console
        self.failures: list[str] = []

    def of_run(self, subject: Subject) -> list[Looked]:
        """Every analysis of one run that can be done; those that are there already are read."""
        looked: list[Looked] = []
        with self._going_on(str(subject.run.path)), _alone_in(subject.folder):
            for study in self.studies:
                with self._going_on(f"{study.name} of {subject.run.path}"):
                    looked.append(self._look(study, subject))
        subject.forget()
        return looked

    def _look(self, study: Study, subject: Subject) -> Looked:
        folder, key = subject.folder / study.name, key_of_run(study, subject)
        kept = None if self.force else read_kept(folder, key)
        if kept is not None:
            self._say(f"{subject.label}: {study.name} is there already, {folder}")
            return Looked(study, kept, key)
        remove_kept(folder)  # findings under other settings must not outlive a failure under these
        found = write_kept(folder, study, key, study.look(subject))
        self._say(f"{subject.label}: {study.name} written to {folder}", *found.remarks)
        return Looked(study, found, key)

    def over(self, folder: Path, subjects: Sequence[Subject], looked: Sequence[Sequence[Looked]]) -> None:
        """What compares the runs of a sweep, by every analysis; what compared other runs is removed.

        Args:
            folder: Where comparisons go, in the folder of the sweep.
            subjects: The runs.
            looked: What was found in each.
        """
        with self._going_on(str(folder)), _alone_in(folder):
            for study in self.studies:
                pairs = [
                    (subject, one)
                    for subject, of_run in zip(subjects, looked, strict=True)
                    for one in of_run
                    if one.study is study
                ]
                with self._going_on(f"comparison of {study.name}"):
                    self._compare(folder / study.name, study, pairs)

    def _compare(self, folder: Path, study: Study, pairs: Sequence[tuple[Subject, Looked]]) -> None:
        key = key_of_sweep(study, [(subject.label, one.key) for subject, one in pairs])
        if not self.force and read_kept(folder, key) is not None:
            self._say(f"comparison of {study.name} is there already, {folder}")
            return
        remove_kept(folder)
        if len(pairs) < 2:  # nothing to compare
            return
        found = study.compare([subject for subject, _ in pairs], [one.found for _, one in pairs])
        if found is not None:
            runs = [os.path.relpath(subject.run.path, folder.parents[1]) for subject, _ in pairs]
            write_kept(folder, study, key, found, runs)
            self._say(f"comparison of {study.name} written to {folder}", *found.remarks)

    @contextmanager
    def _going_on(self, what: str) -> Iterator[None]:
        """Note what cannot be done, and go on with the rest."""
        try:
            yield
        except InputError as error:
            self.fail(f"{what}: {error}")

    def _say(self, line: str, *remarks: str) -> None:
        self.console.print(line, soft_wrap=True, markup=False, highlight=False)
        for remark in remarks:
            self.console.print(f"  {remark}", soft_wrap=True, markup=False, highlight=False, style="dim")

    def fail(self, sentence: str) -> None:
        """Say what could not be done, and remember it."""
        self.failures.append(sentence)
        self.console.print(f"failed: {sentence}", soft_wrap=True, markup=False, highlight=False, style="red")


def inspect_runs(cfg: DictConfig) -> None:
    """Analyse a run, or all finished runs of a sweep, and write what was found into their folders.

    Args:
        cfg: The composed config of ``conf/analyze.yaml``.

    Raises:
        InputError: If there is no such run, a name is unknown, or, after all else was done and written, an analysis
            could not be done.
    """
    check_switches(cfg)
    check_switch(cfg.force, "force")
    check_accelerator(cfg.accelerator)
    check_whole(cfg.batch_size, "batch_size", 1)
    if cfg.threads != "auto":
        check_whole(cfg.threads, "threads", 1)
    if (cfg.run is None) == (cfg.folder is None):
        raise InputError("give either a run folder, run=<folder>, or the folder of a sweep, sweep=<folder>")
    console = wide_console()
    work = Inspection(_studies(cfg), cfg.force, console)
    keep_freed_memory()
    torch.set_num_threads(choose_threads(cfg.threads).value)
    if cfg.run is not None:
        _of_one(cfg, work, console)
    else:
        _of_sweep(cfg, work, console)
    if work.failures:
        more = f" ({len(work.failures)} could not be done, this is the first)" if len(work.failures) > 1 else ""
        raise InputError(work.failures[0] + more)


def _studies(cfg: DictConfig) -> list[Study]:
    known = [str(name) for name, node in cfg.items() if isinstance(node, DictConfig) and _is_study(node)]
    wanted = known if cfg.analyses == "all" else cfg.analyses
    if isinstance(wanted, str):
        wanted = [wanted]
    if not isinstance(wanted, list | ListConfig) or not wanted:
        raise InputError(f"analyses={cfg.analyses} names none: use all, or a list of {', '.join(known)}")
    for name in wanted:
        if name not in known:
            raise InputError(f"there is no analysis '{name}': use all, or a list of {', '.join(known)}")
    return [create(cfg[name], str(name)) for name in dict.fromkeys(wanted)]


def _is_study(node: DictConfig) -> bool:
    return "_target_" in node  # those of others, too


def _of_one(cfg: DictConfig, work: Inspection, console: Console) -> None:
    run = RunFolder.open_finished(str(cfg.run))
    looked = work.of_run(_subject(cfg, run))
    for one in looked:
        if one.found.numbers:
            console.print(to_rich(numbers_of_run(one.study, one.found)))


def _of_sweep(cfg: DictConfig, work: Inspection, console: Console) -> None:
    folder = Path(str(cfg.folder))
    keys = [str(cfg.rows)] if isinstance(cfg.rows, str) else [str(key) for key in cfg.rows]
    rows = row_runs(collect(folder), keys)
    for row in rows:
        check_repeats(row.records, f"row {row.label}", keys)
    subjects = list(_subjects(cfg, rows, work))
    looked = [work.of_run(subject) for subject in subjects]
    work.over(folder / ANALYSES, subjects, looked)
    for study in work.studies:
        (folder / ANALYSES / f"{study.name}.csv").unlink(missing_ok=True)
        numbers = {
            subject: one.found.numbers
            for subject, of_run in zip(subjects, looked, strict=True)
            for one in of_run
            if one.study is study and one.found.numbers
        }
        if numbers:
            table = summary_table(numbers)
            write_text_atomic(folder / ANALYSES / f"{study.name}.csv", table.to_csv(index=False))
            console.print(to_rich(numbers_of_sweep(study, table)))


def _subjects(cfg: DictConfig, rows: Sequence[RowRuns], work: Inspection) -> Iterator[Subject]:
    """The runs that can be opened."""
    for row in rows:
        for record in row.records:
            try:
                yield _subject(cfg, RunFolder(record.path), row.label)
            except InputError as error:
                work.fail(str(error))


def _subject(cfg: DictConfig, run: RunFolder, row: str | None = None) -> Subject:
    return Subject(
        run,
        device=pick_device(cfg.accelerator.accelerator),
        batch_size=cfg.batch_size,
        root=None if cfg.root is None else str(cfg.root),
        row=row,
    )


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes from writing into the same folder of findings."""

    def refuse() -> None:
        raise InputError(f"another process is writing to {folder} at this moment: wait for it")

    with locked(folder / ".lock", refuse):
        yield
