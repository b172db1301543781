"""One process at a time, whatever becomes of it."""

import fcntl
import os
import signal
import subprocess
import sys
import time

from lightning_imb.utils.lock import locked

HOLD = """
import sys, time
from pathlib import Path
from lightning_imb.utils.lock import locked
with locked(Path(sys.argv[1]), lambda: None) as held:
    print(held, flush=True)
    time.sleep(float(sys.argv[2]))
"""


def holder(path, seconds):
    """A process that holds the lock, once it does."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path), str(seconds)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline().strip() == "True"
    return process


def test_a_free_lock_is_taken_at_once_and_given_back(tmp_path):
    told = []
    for _ in range(2):
        with locked(tmp_path / "deep" / "lock", lambda: told.append(1)) as held:
            assert held
    assert told == []


def test_waits_for_another_process_and_says_so_once(tmp_path):
    process = holder(tmp_path / "lock", 1.5)
    told = []
    with locked(tmp_path / "lock", lambda: told.append(time.monotonic())) as held:
        assert held
        assert process.wait(5) == 0
    assert len(told) == 1


def test_a_killed_holder_holds_nothing(tmp_path):
    process = holder(tmp_path / "lock", 600)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(5)
    with locked(tmp_path / "lock", lambda: None) as held:
        assert held


def test_a_file_system_without_locks_is_told_apart(tmp_path, monkeypatch, caplog):
    def refuse(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    with locked(tmp_path / "lock", lambda: None) as held:
        assert not held
    assert "has no locks (No locks available)" in caplog.text
