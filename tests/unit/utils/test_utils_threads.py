import os
import subprocess
import sys
from pathlib import Path

import pytest

from lightning_imb.utils import threads
from lightning_imb.utils.threads import available_cores, busy_cores, choose_threads, wait_politely

SPIN = "import time\nend = time.time() + 20\nwhile time.time() < end: pass"
WAITING = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


@pytest.fixture
def machine(monkeypatch):
    """A machine of 8 cores, this many of which other programs keep busy."""
    for name in ("OMP_NUM_THREADS", *WAITING):
        monkeypatch.delenv(name, raising=False)

    def make(busy, available=8):
        monkeypatch.setattr(os, "cpu_count", lambda: 8)
        monkeypatch.setattr(threads, "available_cores", lambda: available)
        monkeypatch.setattr(threads, "busy_cores", lambda looking_s=0.1: busy)

    return make


@pytest.mark.parametrize(
    ("busy", "available", "jobs", "expected"),
    [
        (0.0, 8, 1, "8 (auto: 8 cores, none busy)"),
        (0.3, 8, 1, "8 (auto: 8 cores, none busy)"),
        (0.9, 8, 1, "7 (auto: 8 cores, 1 busy)"),
        (2.4, 8, 1, "6 (auto: 8 cores, 2 busy)"),
        (8.0, 8, 1, "1 (auto: 8 cores, 7 busy)"),
        (3.0, 2, 1, "2 (auto: 2 cores, 3 busy)"),  # a container of two cores on a machine with five free
        (7.0, 2, 1, "1 (auto: 2 cores, 7 busy)"),
        (0.0, 1, 1, "1 (auto: 1 core, none busy)"),
        (0.0, 8, 3, "2 (auto: 8 cores, 3 jobs)"),
        (6.0, 8, 4, "2 (auto: 8 cores, 4 jobs)"),  # the other jobs of the sweep are what is busy
        (0.0, 8, 9, "1 (auto: 8 cores, 9 jobs)"),
    ],
)
def test_the_free_cores_are_shared(machine, busy, available, jobs, expected):
    machine(busy, available)
    assert str(choose_threads("auto", jobs)) == expected


def test_a_number_is_taken_as_it_is(machine):
    machine(busy=8.0)
    assert choose_threads(5, jobs=4) == (5, "")


def test_what_a_launcher_said_is_respected(machine, monkeypatch):
    machine(busy=0.0)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert str(choose_threads("auto")) == "3 (auto: OMP_NUM_THREADS=3)"


def test_a_busy_neighbour_is_seen():
    if not Path("/proc/stat").exists():
        pytest.skip("only Linux tells")
    neighbour = subprocess.Popen([sys.executable, "-c", SPIN])
    try:
        assert max(busy_cores(0.2) for _ in range(5)) > 0.7
    finally:
        neighbour.kill()


def test_where_the_system_does_not_tell_all_cores_are_free(monkeypatch):
    def absent(self, encoding):
        raise OSError

    monkeypatch.setattr(Path, "read_text", absent)
    assert busy_cores() == 0.0
    assert 1 <= available_cores() <= os.cpu_count()


@pytest.mark.parametrize(("text", "cores"), [("150000 100000", 2), ("50000 100000", 1), ("max 100000", None)])
def test_the_quota_of_a_container(monkeypatch, text, cores):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(64)), raising=False)
    monkeypatch.setattr(Path, "read_text", lambda self, encoding: text)
    assert available_cores() == (cores or 64)


@pytest.mark.parametrize("busy", [0.2, 1.0])
def test_threads_sleep_while_they_wait_beside_a_busy_neighbour_only(machine, monkeypatch, busy):
    monkeypatch.setattr(os, "environ", dict(os.environ))
    machine(busy)
    assert wait_politely() == (busy > 0.5)
    assert os.environ.get("OMP_WAIT_POLICY") == ("PASSIVE" if busy > 0.5 else None)


@pytest.mark.parametrize("name", WAITING)
def test_a_policy_of_the_user_stays(machine, monkeypatch, name):
    machine(busy=8.0)
    monkeypatch.setenv(name, "1")
    assert not wait_politely()
