"""Launches of a run: who, when, how it ended."""

import os
import signal
import subprocess
import sys

import pytest

from lightning_imb.launches import FILE, current_launches, launch, launches_of, note_launch, wall_seconds
from lightning_imb.utils.atomic import write_json_atomic
from lightning_imb.utils.errors import InputError, NoRoomError
from lightning_imb.utils.process import start_of
from lightning_imb.utils.signals import Interrupted

# another launch between its reading of the records and its writing
SLOW = """
import sys, time
from pathlib import Path
from lightning_imb.launches import _LOCK, FILE, launches_of
from lightning_imb.utils.atomic import write_json_atomic
from lightning_imb.utils.lock import locked
folder = Path(sys.argv[1])
with locked(folder / _LOCK, lambda: None):
    launches = launches_of(folder)
    print("read", flush=True)
    time.sleep(1)
    write_json_atomic(folder / FILE, {"launches": [*launches, {"host": "other", "pid": 1, "state": "failed"}]})
"""


@pytest.fixture
def meanwhile(tmp_path):
    """A function after which another launch is about to write."""
    started = []

    def start():
        command = [sys.executable, "-c", SLOW, str(tmp_path)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        assert started[0].stdout.readline() == "read\n"
        return started[0]

    yield start
    for process in started:
        process.communicate(timeout=60)


def states(folder):
    return [one["state"] for one in launches_of(folder)]


def test_a_launch_is_running_until_it_is_done(tmp_path):
    with launch(tmp_path):
        (one,) = launches_of(tmp_path)
        assert (one["state"], one["pid"], one["error"]) == ("running", os.getpid(), None)
        assert one["process_start"] == start_of(os.getpid())
    (one,) = launches_of(tmp_path)
    assert one["state"] == "done"
    assert one["wall_s"] >= 0


def test_launches_are_added_not_replaced_and_facts_go_to_the_last(tmp_path):
    with launch(tmp_path):
        note_launch(tmp_path, phase_1="trained")
    with launch(tmp_path):
        note_launch(tmp_path, phase_1="store", key="abc")
    first, second = launches_of(tmp_path)
    assert (first["phase_1"], second["phase_1"], second["key"]) == ("trained", "store", "abc")


def test_a_launch_that_begins_while_another_one_writes_loses_no_record(tmp_path, meanwhile):
    other = meanwhile()
    with launch(tmp_path):
        assert other.wait(60) == 0
        assert states(tmp_path) == ["failed", "running"]


def test_facts_noted_while_another_launch_writes_lose_no_record(tmp_path, meanwhile):
    with launch(tmp_path):
        other = meanwhile()
        note_launch(tmp_path, phase_1="trained")
        assert other.wait(60) == 0
    mine, refused = launches_of(tmp_path)
    assert (mine["phase_1"], mine["state"], refused["state"]) == ("trained", "done", "failed")


@pytest.mark.parametrize(
    ("failure", "state", "error"),
    [
        (InputError("epochs=0 is too few: raise it"), "failed", "epochs=0 is too few: raise it"),
        (ZeroDivisionError("division by zero"), "failed", "ZeroDivisionError: division by zero"),
        (KeyboardInterrupt(), "interrupted", "interrupted from the keyboard"),
        (Interrupted(signal.SIGTERM), "interrupted", "interrupted by SIGTERM"),
        (SystemExit("error: bad"), "failed", "SystemExit: error: bad"),
    ],
)
def test_how_it_ended_is_kept_and_the_exception_passes(tmp_path, failure, state, error):
    with pytest.raises(type(failure)) as caught, launch(tmp_path):
        raise failure
    assert caught.value is failure
    (one,) = launches_of(tmp_path)
    assert (one["state"], one["error"]) == (state, error)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_job_with_the_code_of_a_shell_and_handlers_come_back(tmp_path, signum):
    before = signal.getsignal(signum)
    with pytest.raises(SystemExit) as caught, launch(tmp_path):
        signal.raise_signal(signum)
    assert caught.value.code == 128 + signum
    assert states(tmp_path) == ["interrupted"]
    assert signal.getsignal(signum) is before


@pytest.mark.parametrize(
    ("consequence", "end", "state"),
    [
        (RuntimeError("a loader worker is gone"), Interrupted, "interrupted"),
        (InputError("the config has no key 'defaults', which is needed here"), Interrupted, "interrupted"),
        (NoRoomError("cannot write last.ckpt"), NoRoomError, "failed"),
    ],
)
def test_what_fails_after_a_signal_is_an_interruption_unless_the_disk_is_full(tmp_path, consequence, end, state):
    def fail_on_the_way_out():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            raise consequence

    with pytest.raises(end), launch(tmp_path):
        fail_on_the_way_out()
    assert states(tmp_path) == [state]


def test_other_ranks_write_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    with launch(tmp_path):
        note_launch(tmp_path, phase_1="trained")
    assert list(tmp_path.iterdir()) == []


def test_without_a_launch_there_is_nothing_to_note(tmp_path):
    note_launch(tmp_path, phase_1="trained")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("launches", "expected"),
    [([], 0), ([{"wall_s": 5.0}, {"state": "running"}, {"wall_s": 0.5}], 5.5), ([{"wall_s": None}], 0)],
)
def test_wall_time_is_the_sum_of_what_launches_recorded(launches, expected):
    assert wall_seconds(launches) == expected


@pytest.mark.parametrize(
    ("superseding", "current"), [([], [0, 1, 2, 3]), ([0], [0, 1, 2, 3]), ([1], [1, 2, 3]), ([1, 3], [3])]
)
def test_launches_of_superseded_runs_are_not_those_of_the_run_that_is_there(tmp_path, superseding, current):
    launches = [{"number": n} | ({"superseded": "0"} if n in superseding else {}) for n in range(4)]
    write_json_atomic(tmp_path / FILE, {"launches": launches})
    assert [one["number"] for one in current_launches(tmp_path)] == current


def test_where_nothing_was_launched_there_are_no_launches(tmp_path):
    assert current_launches(tmp_path) == []


def test_a_launch_clears_away_what_a_killed_one_left_of_the_record(tmp_path):
    draft = tmp_path / f".{FILE}.{'0a' * 16}"
    draft.write_text("half")
    with launch(tmp_path):
        assert not draft.exists()


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / FILE).write_text("{")
    with pytest.raises(InputError, match=r"launches\.json is damaged"):
        launches_of(tmp_path)
