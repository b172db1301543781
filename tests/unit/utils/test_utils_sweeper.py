"""The cells of a sweep before, while and after they run."""

import os
import signal
from collections import Counter

import pytest
from helpers.commands import assert_one_sentence
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus

from lightning_imb.utils import sweeper
from lightning_imb.utils.cli import hydra_entry
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.jobs import Outcome
from lightning_imb.utils.sweeper import every_cell


class Watching:
    """Remembers what it was told; ``starts`` and ``alive`` say what the cells do, by name."""

    def __init__(self):
        self.planned, self.refused = [], None
        self.starts, self.alive, self.ended = Counter(), [], set()

    def check(self, cfg):
        if self.refused is not None:
            raise InputError(self.refused)

    def begin(self, cells):
        self.planned = [cell.name for cell in cells]

    def begun(self, cell):
        return self.starts[cell.name]

    def running(self, cell):
        """Each look at the living lets one of them end."""
        if cell.name not in self.alive:
            return False
        self.alive.remove(cell.name)
        self.ended.add(cell.name)
        return True

    def unfinished(self, cell):
        return cell.name not in self.ended

    def deaths(self, cell):
        return 0 if cell.name in self.ended else self.starts[cell.name]

    def stop(self, signum, cells):
        pass

    def summary(self, cells):
        return " ".join(map(state, cells))

    def open_ends(self, cells):
        return [cell.outcome or Outcome("failed") for cell in cells if state(cell) != "done"]


def state(cell):
    return "none" if cell.outcome is None else cell.outcome.state


@pytest.fixture
def watch():
    return Watching()


@pytest.fixture
def sweep(imb, watch):
    """``sweep(task, *overrides)``: how the command ends, in ``sweep`` below its folder."""

    def launch(task, *overrides):
        return imb(hydra_entry("train", watch=lambda: watch)(task), "-m", "hydra.sweep.dir=sweep", *overrides)

    return launch


def test_hydra_has_its_own_sweeper_back_afterwards():
    before = dict(Plugins.instance().class_name_to_class)
    with every_cell():
        assert Plugins.instance().class_name_to_class != before
    assert Plugins.instance().class_name_to_class == before


def test_the_folders_that_are_planned_are_those_that_are_made(sweep, watch):
    made = []
    given = ["method=erm,eos", "seed=0,1", "dataset.root='a b'", "hydra.sweeper.max_batch_size=3"]
    assert sweep(lambda cfg: made.append(cfg.run_dir), *given).out.endswith("done done done done\n")
    assert watch.planned == [os.path.relpath(folder, "sweep") for folder in made]
    assert watch.planned[0] == "dataset.root='a b',method=erm/seed=0"


def test_numbers_of_jobs_name_folders_too(sweep, watch):
    sweep(lambda cfg: None, "seed=0,1", "hydra.sweep.subdir=${hydra:job.num}")
    assert watch.planned == ["0", "1"]


def test_a_value_that_is_a_path_keeps_its_folders_inside_the_sweep(sweep, imb):
    made = []
    sweep(lambda cfg: made.append(cfg.run_dir), "dataset.root=../../../elsewhere", "seed=0,1")
    assert len(made) == 2
    assert all(os.path.realpath(folder).startswith(str(imb.folder / "sweep")) for folder in made)


def test_a_list_of_values_is_a_folder_that_can_be_made(sweep, watch):
    values = "[" + ",".join(str(n / 7) for n in range(60)) + "]"
    made = []
    assert sweep(lambda cfg: made.append(cfg.dataset.mean), f"dataset.mean={values}", "seed=0,1").code == 0
    assert len(made) == 2
    assert len(made[0]) == 60


def test_long_names_that_differ_at_the_end_stay_apart_and_fit(sweep, watch):
    long = "x" * 300
    assert sweep(lambda cfg: None, f"dataset.root={long}1,{long}2").code == 0
    first, second = watch.planned
    assert first != second
    assert max(len(part) for part in first.split("/")) == 255


def test_two_cells_in_one_folder_are_refused_before_anything_runs(sweep):
    end = sweep(lambda cfg: pytest.fail("begun"), "method=erm,eos", "hydra.sweep.subdir=same")
    assert_one_sentence(end, "method=erm", "method=eos", "sweep/same", "hydra.sweep.subdir")


def test_what_the_command_refuses_is_said_once(sweep, watch):
    watch.refused = "not in a sweep"
    end = sweep(lambda cfg: pytest.fail("begun"), "seed=0,1,2")
    assert_one_sentence(end, "error: not in a sweep")


class BreaksDown:
    """A launcher that loses processes, and with them the whole batch, as joblib does.

    Args:
        inner: Hydra's.
        watch: Learns what begins.
        begin: Per batch, the names of the cells that begin before it breaks down; None and later ones just run.
    """

    def __init__(self, inner, watch, begin):
        self.inner, self.watch, self.begin, self.batches = inner, watch, list(begin), []

    def launch(self, job_overrides, initial_job_idx):
        self.batches.append([next(word for word in words if "seed=" in word) for words in job_overrides])
        begin = self.begin.pop(0) if self.begin else None
        if begin is None:
            return self.inner.launch(job_overrides, initial_job_idx)
        self.watch.starts.update(begin)
        raise RuntimeError("a worker was killed")


@pytest.fixture
def breaking(monkeypatch, watch):
    """``breaking(["seed=0"], ...)``: put a launcher that breaks down in the place of Hydra's; returns its batches."""

    def put(*begin):
        made = []
        init = sweeper._ToTheEnd.__init__

        def replaced(self, inner, job, sweep_dir):
            made.append(BreaksDown(inner, watch, begin))
            init(self, made[0], job, sweep_dir)

        monkeypatch.setattr(sweeper._ToTheEnd, "__init__", replaced)
        return made

    return put


def test_cells_that_had_not_begun_and_those_whose_process_is_gone_are_launched_again(sweep, breaking):
    made, done = breaking(["seed=0", "seed=1"]), []
    end = sweep(lambda cfg: done.append(cfg.seed), "seed=0,1,2")
    assert done == [0, 1, 2]
    assert made[0].batches == [["seed=0", "seed=1", "seed=2"]] * 2
    assert end.out.endswith("done done done\n")
    assert end.code == 0


def test_a_cell_that_dies_with_others_twice_and_then_alone_is_lost_and_no_other_is(sweep, breaking):
    made, done = breaking(["seed=0", "seed=1"], ["seed=0", "seed=1"], None, ["seed=0"]), []
    end = sweep(lambda cfg: done.append(cfg.seed), "seed=0,1,2")
    every = ["seed=0", "seed=1", "seed=2"]
    assert made[0].batches == [every, every, ["seed=2"], ["seed=0"], ["seed=1"]]
    assert done == [2, 1]
    assert end.out.endswith("none done done\n")
    assert end.code == 1


def test_a_signal_while_the_launcher_is_down_launches_nothing_again(sweep, breaking, watch):
    breaking(["seed=0"], ["seed=0"])
    watch.alive = ["seed=0"]
    watch.running = lambda cell: os.kill(os.getpid(), signal.SIGTERM)
    end = sweep(lambda cfg: pytest.fail("begun"), "seed=0,1", "hydra/launcher=basic")
    assert end.code == 143


def test_cells_that_outlive_their_launcher_are_waited_for_and_not_launched_again(sweep, breaking, watch, monkeypatch):
    monkeypatch.setattr(sweeper, "_PAUSE_S", 0)
    made, done = breaking(["seed=0", "seed=1"]), []
    watch.alive = ["seed=1", "seed=1"]
    sweep(lambda cfg: done.append(cfg.seed), "seed=0,1,2")
    assert watch.alive == []
    assert made[0].batches[1] == ["seed=0", "seed=2"]
    assert done == [0, 2]


@pytest.mark.parametrize("begin", [([],), (["seed=0"], [])])
def test_a_launcher_that_cannot_begin_anything_is_not_tried_for_ever(sweep, breaking, begin):
    made = breaking(*begin)
    with pytest.raises(RuntimeError, match="a worker was killed"):
        sweep(lambda cfg: pytest.fail("begun"), "seed=0,1,2")
    assert len(made[0].batches) == len(begin)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_cell_whose_folder_cannot_be_made_is_one_failed_cell(sweep, imb, seed):
    (imb.folder / "sweep").mkdir()
    (imb.folder / "sweep" / f"seed={seed}").touch()
    done = []
    end = sweep(lambda cfg: done.append(cfg.seed), "seed=0,1,2")
    assert done == [other for other in range(3) if other != seed]
    assert sorted(end.out.split()[-3:]) == ["done", "done", "failed"]
    assert f"sweep/seed={seed} cannot be written to (File exists)" in end.err
    assert end.code == 1


class Returns:
    """A launcher that hands back what Hydra does."""

    def __init__(self, *returns):
        self.returns = returns

    def launch(self, job_overrides, initial_job_idx):
        return self.returns


def test_an_exception_among_the_returns_is_one_failed_cell(sweep, monkeypatch):
    done = JobReturn(status=JobStatus.COMPLETED, _return_value=Outcome("done"))
    failed = JobReturn(status=JobStatus.FAILED, _return_value=KeyError("x"))
    init = sweeper._ToTheEnd.__init__
    monkeypatch.setattr(
        sweeper._ToTheEnd, "__init__", lambda self, inner, *rest: init(self, Returns(done, failed, done), *rest)
    )
    end = sweep(lambda cfg: None, "seed=0,1,2")
    assert end.out.endswith("done failed done\n")
    assert end.err == "error: 1 of the sweep's runs failed, the first because KeyError: 'x'\n"


def test_a_signal_between_two_cells_ends_the_sweep(sweep):
    begun = []

    def task(cfg):
        begun.append(cfg.seed)
        os.kill(os.getpid(), signal.SIGTERM)

    end = sweep(task, "seed=0,1")
    assert (end.code, begun) == (143, [0])
