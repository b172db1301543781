"""The cells of a sweep before, while and after they run."""

import os
import signal

import pytest
from helpers.commands import assert_one_sentence
from hydra.core.plugins import Plugins

from lightning_imb.utils import sweeper
from lightning_imb.utils.cli import hydra_entry
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.jobs import Outcome
from lightning_imb.utils.sweeper import every_cell, folder_name


class Watching:
    """Remembers what it was told; counts a cell as begun once its folder holds a file."""

    def __init__(self):
        self.planned, self.refused = [], None

    def check(self, cfg):
        if self.refused is not None:
            raise InputError(self.refused)

    def begin(self, cells):
        self.planned = [cell.name for cell in cells]

    def begun(self, cell):
        return (cell.folder / "begun").exists()

    def stop(self, signum, cells):
        pass

    def summary(self, cells):
        return " ".join("none" if cell.outcome is None else cell.outcome.state for cell in cells)

    def open_ends(self, cells):
        return [cell.outcome or Outcome("failed") for cell in cells if cell.outcome != Outcome("done")]


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


@pytest.mark.parametrize(
    ("subdir", "name"),
    [
        ("./method=eos/seed=0", "method=eos/seed=0"),
        (".", "."),
        ("root=/data/x,a=1/seed=0", "root=/data/x,a=1/seed=0"),
        ("root=../../x/seed=0", "root=../__/x/seed=0"),
        ("/elsewhere/0", "/elsewhere/0"),
    ],
)
def test_names_stay_as_they_are_where_they_can(subdir, name):
    assert folder_name(subdir) == name


def test_a_cut_name_is_the_same_at_every_launch_and_whole_characters():
    name = folder_name("é" * 200)
    assert name == folder_name("é" * 200)
    assert len(name.encode()) <= 255
    assert "�" not in name


def test_two_cells_in_one_folder_are_refused_before_anything_runs(sweep):
    end = sweep(lambda cfg: pytest.fail("begun"), "method=erm,eos", "hydra.sweep.subdir=same")
    assert_one_sentence(end, "method=erm", "method=eos", "sweep/same", "hydra.sweep.subdir")


def test_what_the_command_refuses_is_said_once(sweep, watch):
    watch.refused = "not in a sweep"
    end = sweep(lambda cfg: pytest.fail("begun"), "seed=0,1,2")
    assert_one_sentence(end, "error: not in a sweep")


class BreaksDown:
    """A launcher that loses the process of its first cell, and with it the whole batch, as joblib does."""

    def __init__(self, inner, begins):
        self.inner, self.begins, self.batches = inner, begins, []

    def launch(self, job_overrides, initial_job_idx):
        self.batches.append(len(job_overrides))
        if len(self.batches) == 1 or not self.begins:
            if self.begins:
                (self.inner.job.cells[0].folder).mkdir(parents=True)
                (self.inner.job.cells[0].folder / "begun").touch()
            raise RuntimeError("a worker was killed")
        return self.inner.inner.launch(job_overrides, initial_job_idx)


@pytest.fixture
def breaking(monkeypatch):
    """Put a launcher that breaks down in the place of Hydra's."""

    def put(begins):
        made = []
        init = sweeper._ToTheEnd.__init__

        def replaced(self, inner, job, sweep_dir):
            init(self, inner, job, sweep_dir)
            kept = type("Kept", (), {"inner": inner, "job": job})
            self.inner = BreaksDown(kept, begins)
            made.append(self.inner)

        monkeypatch.setattr(sweeper._ToTheEnd, "__init__", replaced)
        return made

    return put


def test_cells_that_had_not_begun_when_the_launcher_broke_down_are_launched_again(sweep, breaking):
    made, done = breaking(begins=True), []
    end = sweep(lambda cfg: done.append(cfg.seed), "seed=0,1,2")
    assert done == [1, 2]
    assert made[0].batches == [3, 2]
    assert "none done done" in end.out


def test_a_launcher_that_cannot_begin_anything_is_not_tried_for_ever(sweep, breaking):
    made = breaking(begins=False)
    with pytest.raises(RuntimeError, match="a worker was killed"):
        sweep(lambda cfg: None, "seed=0,1,2")
    assert made[0].batches == [3]


def test_a_signal_between_two_cells_ends_the_sweep(sweep):
    begun = []

    def task(cfg):
        begun.append(cfg.seed)
        os.kill(os.getpid(), signal.SIGTERM)

    end = sweep(task, "seed=0,1")
    assert (end.code, begun) == (143, [0])
