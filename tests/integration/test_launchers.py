"""Sweeps for real, through every launcher that is installed: a cell that fails, a second launch, a signal, a kill."""

import importlib.util
import json
import re
import signal

import pytest

from lightning_imb.launches import launches_of

PLUGINS = {
    "parallel": "hydra_plugins.hydra_joblib_launcher",
    "slurm_local": "hydra_plugins.hydra_submitit_launcher",
    "ray_cluster": "hydra_plugins.hydra_ray_launcher",
}
SMALL = ("method=erm", "epochs=1", "callbacks=quiet", "logger=none", "threads=1")
QUIET = (("without_figures",),)  # where a launcher trains in its own process
GOOD, BAD = ("lightning_imb.models.backbones.SmallCNN", "lightning_imb.models.backbones.Nothing")
MENDABLE, MORTAL, TELLING = (f"helpers.extractors.{name}" for name in ("Mendable", "Mortal", "Telling"))

pytestmark = pytest.mark.slow


def installed(package):
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # there is no plugin at all
        return False


def needs(name):
    return pytest.mark.skipif(not installed(PLUGINS[name]), reason=f"{PLUGINS[name]} is not installed")


@pytest.fixture
def sweep(console, tmp_path):
    """``sweep("parallel", GOOD, BAD)``: a cell for each extractor, in the same folder at every call."""

    def launch(name, *extractors, more=()):
        axis = f"model.extractor._target_={','.join(extractors)}"
        given = (f"hydra/launcher={name}", "hydra.sweep.dir=sweep", "paths.store=store", *SMALL, axis, *more)
        return console(tmp_path, "-m", *given, accidents=QUIET)

    return launch


def logs(folder):
    """The text of each log by the name of its cell."""
    return {log.parent.parent.name: log.read_text() for log in folder.rglob("train.log")}


def assert_a_defect_is_told(end, folder):
    """A line on the screen, the traceback in its own log and in no other."""
    assert re.search(r"^failed +\S+Mendable\S+/seed=0: KeyError: 'a defect'$", end.out, re.MULTILINE), end.out
    for name, text in logs(folder).items():
        assert ("Traceback" in text and "extractors.py" in text) == ("Mendable" in name)


def assert_bad_input_is_told(end, folder):
    """A line on the screen and a sentence in its own log."""
    assert re.search(r"^failed +\S+Nothing\S+/seed=0: .*'Nothing'", end.out, re.MULTILINE), end.out
    assert ["Nothing" in name for name in logs(folder)] == ["'Nothing'" in text for text in logs(folder).values()]


def counts(end):
    """What the closing words count, without the time."""
    return re.search(r"^sweep of \d+ runs in .+?: (.*)$", end.out, re.MULTILINE)[1]


def states(folder):
    """How the launches of each cell ended, by the class of its extractor and its seed."""
    cells = [file.parent for file in (folder / "sweep").rglob("launches.json")]
    names = [re.search(r"_target_=[\w.]*\.(\w+).*/seed=(\d)$", str(cell)).groups() for cell in cells]
    ends = [[one["state"] for one in launches_of(cell)] for cell in cells]
    return {f"{extractor} {seed}": end for (extractor, seed), end in zip(names, ends, strict=True)}


def test_a_sweep_outlives_its_failures_and_goes_on(sweep, tmp_path):
    first = sweep("basic", BAD, MENDABLE, GOOD)
    assert first.code == 1, first
    assert counts(first) == "1 done, 2 failed"
    assert_a_defect_is_told(first, tmp_path)
    assert_bad_input_is_told(first, tmp_path)
    assert first.out.strip().splitlines()[-1].startswith("error: 2 of the sweep's runs failed, the first because ")

    (tmp_path / "mended").touch()
    again = sweep("basic", BAD, MENDABLE, GOOD)
    assert again.code == 1
    assert counts(again) == "1 done, 1 skipped (done before), 1 failed"
    failed, mended, done = ["failed", "failed"], ["failed", "done"], ["done", "done"]
    assert states(tmp_path) == {"Nothing 0": failed, "Mendable 0": mended, "SmallCNN 0": done}

    weights = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.ckpt")}
    complete = sweep("basic", MENDABLE, GOOD)
    assert complete.code == 0
    assert counts(complete) == "2 skipped (done before)"
    assert weights == {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.ckpt")}


@pytest.mark.parametrize("name", [pytest.param(name, marks=needs(name)) for name in ("parallel", "ray_cluster")])
def test_a_killed_worker_is_launched_again_and_takes_no_neighbour_along(sweep, tmp_path, name):
    end = sweep(name, MORTAL, GOOD, MENDABLE, BAD, more=["epochs=15"])  # so that its neighbour is not done by then
    assert end.code == 1, end
    assert counts(end) == "2 done, 2 failed"
    assert_a_defect_is_told(end, tmp_path)
    assert_bad_input_is_told(end, tmp_path)
    ends = states(tmp_path)
    assert ends["Mortal 0"] == ["running", "done"]
    assert ends["SmallCNN 0"][-1] == "done"
    resumed = next((tmp_path / "sweep").rglob("*Mortal*/seed=0/train.log")).read_text()
    assert "resuming represent from" in resumed


@needs("slurm_local")
def test_a_killed_job_of_an_array_is_one_lost_cell(sweep, tmp_path):
    end = sweep("slurm_local", MORTAL, GOOD, MENDABLE, more=["epochs=2"])
    assert end.code == 1, end
    assert counts(end) == "1 done, 1 failed, 1 lost"
    assert_a_defect_is_told(end, tmp_path)
    ends = {"Mortal 0": "running", "SmallCNN 0": "done", "Mendable 0": "failed"}
    assert states(tmp_path) == {name: [state] for name, state in ends.items()}
    assert re.search(r"^lost +\S+Mortal\S+/seed=0: its job \d+ ended without a result", end.out, re.MULTILINE)


SIGNALS = pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])


def told(sweep, folder, name, signum, checkpoints, parent):
    """A sweep over three seeds that gets a signal as soon as so many of them have a checkpoint."""
    (folder / "tell.json").write_text(json.dumps({"signum": signum, "checkpoints": checkpoints, "parent": parent}))
    return sweep(name, TELLING, more=["seed=0,1,2", "store=false", "epochs=4000"])


@SIGNALS
def test_a_sweep_that_is_told_to_end_starts_no_further_run(sweep, tmp_path, signum, code):
    end = told(sweep, tmp_path, "basic", signum, checkpoints=1, parent=False)
    assert end.code == code, end
    assert states(tmp_path) == {"Telling 0": ["interrupted"]}
    assert counts(end) == "1 interrupted, 2 not begun"


@needs("parallel")
@SIGNALS
def test_runs_in_other_processes_are_told_too(sweep, tmp_path, signum, code):
    end = told(sweep, tmp_path, "parallel", signum, checkpoints=2, parent=True)
    assert end.code == code, end
    assert states(tmp_path) == {"Telling 0": ["interrupted"], "Telling 1": ["interrupted"]}
    assert counts(end) == "2 interrupted, 1 not begun"
    assert not list(tmp_path.rglob(".stop-*"))
