"""A batch as submitit jobs: one that is killed is one lost cell, and the others are waited for."""

from types import SimpleNamespace

import pytest

from lightning_imb.utils.job_array import launch_array, submits
from lightning_imb.utils.jobs import Outcome

submitit = pytest.importorskip("submitit")
plugin = pytest.importorskip("hydra_plugins.hydra_submitit_launcher.submitit_launcher")

UNCOMPLETED = submitit.core.utils.UncompletedJobError("has not produced any output")
FAILED = submitit.core.utils.FailedJobError("Traceback")


class FakeJob:
    """Ends as it is told, and remembers that somebody waited for it."""

    def __init__(self, number, end):
        self.job_id, self.end, self.waited = str(number), end, False
        self.paths = SimpleNamespace(stderr=f"{number}.err")

    def results(self):
        self.waited = True
        if isinstance(self.end, Exception):
            raise self.end
        return [self.end]


class FakeExecutor:
    """Takes the place of submitit's; ``ends`` are those of its jobs."""

    def __init__(self, *ends):
        self.ends, self.jobs = ends, []

    def __call__(self, folder, cluster, **more):
        self.made = (folder, cluster, more)
        return self

    def update_parameters(self, **parameters):
        self.told = parameters

    def map_array(self, function, *columns):
        self.calls = list(zip(*columns, strict=True))
        self.jobs = [FakeJob(number, end) for number, end in enumerate(self.ends)]
        return self.jobs


@pytest.fixture
def executor(monkeypatch):
    """``executor("a", error)``: jobs that end in this way."""

    def put(*ends):
        fake = FakeExecutor(*ends)
        monkeypatch.setattr(submitit, "AutoExecutor", fake)
        return fake

    return put


def slurm(**more):
    return plugin.SlurmLauncher(submitit_folder="jobs/%j", timeout_min=5, partition="gpu", **more)


def test_the_launchers_of_the_plugin_are_known():
    assert submits(slurm())
    assert submits(plugin.LocalLauncher())
    assert not submits(object())


def test_a_killed_job_is_one_lost_cell_and_all_the_others_are_waited_for(executor):
    fake = executor(UNCOMPLETED, "first", FAILED, "second")
    ends = launch_array(slurm(), [["seed=0"], ["seed=1"], ["seed=2"], ["seed=3"]], 0, {})
    assert ends == [
        Outcome("lost", "its job 0 ended without a result (killed, or out of memory)"),
        "first",
        Outcome("failed", "its job 2 failed outside of the run: see 2.err"),
        "second",
    ]
    assert all(job.waited for job in fake.jobs)


def test_what_is_no_end_of_a_job_is_not_swallowed(executor):
    executor(OSError("no sacct"))
    with pytest.raises(OSError, match="no sacct"):
        launch_array(slurm(), [["seed=0"]], 0, {})


def test_jobs_are_called_as_the_plugin_calls_them(executor):
    fake = executor("a", "b")
    launch_array(slurm(), (("seed=0",), ("seed=1",)), 4, {"state": 1})
    assert fake.calls == [
        (["seed=0"], "hydra.sweep.dir", 4, "job_id_for_4", {"state": 1}),
        (["seed=1"], "hydra.sweep.dir", 5, "job_id_for_5", {"state": 1}),
    ]


def test_what_is_for_this_cluster_alone_bears_its_name(executor):
    fake = executor("a")
    launch_array(slurm(max_num_timeout=3), [["seed=0"]], 0, {})
    assert fake.made == ("jobs/%j", "slurm", {"slurm_max_num_timeout": 3})
    assert fake.told == {"timeout_min": 5, "slurm_partition": "gpu"}
    launch_array(plugin.LocalLauncher(submitit_folder="jobs"), [["seed=0"]], 0, {})
    assert fake.made == ("jobs", "local", {})
