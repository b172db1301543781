"""Sweeps for real, through every launcher that is installed: a cell that fails, a second launch, a signal, a kill."""

import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from helpers.commands import script

LAUNCHERS = {
    "basic": "hydra",
    "parallel": "hydra_plugins.hydra_joblib_launcher",
    "slurm_local": "hydra_plugins.hydra_submitit_launcher",
    "ray_cluster": "hydra_plugins.hydra_ray_launcher",
}
SMALL = ("method=erm", "epochs=1", "callbacks=quiet", "logger=none", "threads=1")
MENDABLE = """
import os
from lightning_imb.models.backbones import SmallCNN

class Mendable(SmallCNN):
    def forward(self, images):
        if not os.path.exists(os.environ["MENDED"]):
            raise KeyError("a defect")
        return super().forward(images)
"""


def installed(package):
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # there is no plugin at all
        return False


def launcher(name):
    skip = pytest.mark.skipif(not installed(LAUNCHERS[name]), reason=f"{LAUNCHERS[name]} is not installed")
    return pytest.param(name, marks=(skip, pytest.mark.slow))


@pytest.fixture
def sweep(tmp_path):
    """``sweep("parallel", "seed=0,1")``: the same folder at every call."""
    (tmp_path / "mendable.py").write_text(MENDABLE)
    env = {"PYTHONPATH": str(tmp_path), "MENDED": str(tmp_path / "mended"), "IMB_LOGS": str(tmp_path / "logs")}

    def launch(name, *arguments):
        given = (f"hydra/launcher={name}", "hydra.sweep.dir=sweep", "paths.store=store", *SMALL, *arguments)
        return script("train", "-m", *given, cwd=tmp_path, env=env)

    return launch


def launches(folder):
    """How often each cell was launched, in the order of their names."""
    files = sorted((folder / "sweep").rglob("launches.json"))
    return [len(json.loads(file.read_text())["launches"]) for file in files]


@pytest.mark.parametrize("name", [launcher(name) for name in LAUNCHERS])
def test_a_sweep_outlives_its_failures_and_goes_on(sweep, tmp_path, name):
    # one trains, one is bad input, one a defect that will be mended
    extractors = [f"lightning_imb.models.backbones.{name}" for name in ("Nothing", "SmallCNN")] + ["mendable.Mendable"]
    axis = f"model.extractor._target_={','.join(extractors)}"
    first = sweep(name, axis)
    assert first.code == 1, first
    assert re.search(r"^sweep of 3 runs in .+: 1 done, 2 failed$", first.out, re.MULTILINE), first.out
    assert re.search(r"^failed +\S+Nothing\S+/seed=0: .*'Nothing'", first.out, re.MULTILINE)
    assert re.search(r"^failed +\S+Mendable\S+/seed=0: KeyError: 'a defect'$", first.out, re.MULTILINE)
    assert first.err.strip().splitlines()[-1].startswith("error: 2 of the sweep's runs failed, the first because ")
    logs = {log.parent.parent.name: log.read_text() for log in tmp_path.rglob("train.log")}
    assert len(logs) == 3
    for folder, text in logs.items():  # bad input is a sentence, a defect has its traceback, each in its own log
        assert ("'Nothing'" in text) == ("Nothing" in folder)
        assert ("Traceback" in text and "mendable.py" in text) == ("Mendable" in folder)

    (tmp_path / "mended").touch()
    again = sweep(name, axis)
    assert again.code == 1
    assert re.search(r"^sweep of 3 runs in .+: 1 done, 1 skipped \(done before\), 1 failed$", again.out, re.MULTILINE)
    assert launches(tmp_path) == [2, 2, 2]


@pytest.mark.slow
def test_a_sweep_that_is_done_is_skipped_and_ends_well(sweep, tmp_path):
    assert sweep("basic", "seed=0,1").code == 0
    weights = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.ckpt")}
    again = sweep("basic", "seed=0,1")
    assert again.code == 0
    assert "2 skipped (done before)" in again.out
    assert weights == {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.ckpt")}


class Running:
    """A sweep of three long cells in the background, once ``number`` of them have written a checkpoint."""

    def __init__(self, folder, number, *arguments, epochs=4000):
        self.folder = folder
        given = (*SMALL, f"epochs={epochs}", "seed=0,1,2", "hydra.sweep.dir=sweep", "store=false", *arguments)
        command = [sys.executable, "-m", "lightning_imb.train", "-m", *given]
        self.process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
        )
        patience = time.monotonic() + 300
        while len(list(folder.rglob("last.ckpt"))) < number and self.process.poll() is None:
            assert time.monotonic() < patience
            time.sleep(0.05)

    def pid_of(self, number):
        (file,) = (self.folder / "sweep").rglob(f"seed={number}/launches.json")
        return json.loads(file.read_text())["launches"][-1]["pid"]

    def end(self):
        out, err = self.process.communicate(timeout=300)
        return self.process.returncode, out, err


def states_by_seed(folder):
    return {
        file.parent.name: json.loads(file.read_text())["launches"][-1]["state"]
        for file in folder.rglob("launches.json")
    }


@pytest.mark.slow
@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_sweep_that_is_told_to_end_starts_no_further_run(tmp_path, signum, code):
    running = Running(tmp_path, 1)
    running.process.send_signal(signum)
    ended, out, _ = running.end()
    assert ended == code
    assert states_by_seed(tmp_path) == {"seed=0": "interrupted"}
    assert "1 interrupted, 2 not begun" in out


@pytest.mark.slow
@pytest.mark.skipif(not installed(LAUNCHERS["parallel"]), reason="the joblib launcher is not installed")
@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_runs_in_other_processes_are_told_too(tmp_path, signum, code):
    running = Running(tmp_path, 2, "hydra/launcher=parallel")
    running.process.send_signal(signum)
    ended, out, _ = running.end()
    assert ended == code
    assert states_by_seed(tmp_path) == {"seed=0": "interrupted", "seed=1": "interrupted"}
    assert "2 interrupted, 1 not begun" in out
    assert not list(tmp_path.rglob(".stop-*"))


@pytest.mark.slow
@pytest.mark.skipif(not installed(LAUNCHERS["parallel"]), reason="the joblib launcher is not installed")
def test_a_killed_worker_does_not_take_the_runs_with_it_that_had_not_begun(tmp_path):
    running = Running(tmp_path, 2, "hydra/launcher=parallel", epochs=60)
    os.kill(running.pid_of(0), signal.SIGKILL)
    code, out, _ = running.end()
    assert code == 1
    states = states_by_seed(tmp_path)
    assert (states["seed=0"], states["seed=2"]) == ("running", "done")
    assert re.search(r"^lost +\S+/seed=0: its process vanished", out, re.MULTILINE)
