"""The closing words of a sweep, and what a watch makes of the records that the cells leave."""

import os
import signal
import socket
import subprocess
import sys

import pytest
from helpers.runs import config

from lightning_imb.launches import launch, launches_of, note_launch
from lightning_imb.sweeps import SweepOfRuns
from lightning_imb.utils.atomic import write_json_atomic
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.jobs import Cell, Outcome
from lightning_imb.utils.process import start_of

DONE = Outcome("done")


@pytest.fixture
def sweep(tmp_path):
    """``sweep("a", "b")``: a watch that has begun, and its cells by name."""

    def begin(*names):
        cells = {name: Cell(name, tmp_path / name) for name in names}
        watch = SweepOfRuns()
        watch.begin(list(cells.values()))
        return watch, cells

    return begin


def ran(cell, outcome=DONE, **facts):
    with launch(cell.folder):
        note_launch(cell.folder, **facts)
    cell.outcome = outcome


def running(cell, pid, host=None, number=None, **facts):
    """What a cell has on record while it runs, and for ever if it is killed: one more entry, or another ``number``."""
    entry = {"state": "running", "pid": pid, "host": host or socket.gethostname(), "error": None}
    before = launches_of(cell.folder)[:number]
    write_json_atomic(cell.folder / "launches.json", {"launches": [*before, entry | facts]})


def refused(cell):
    """What another command leaves that found the folder in use."""
    running(cell, gone(), state="failed", error="in use")


def gone():
    """The number of a process that has ended."""
    ended = subprocess.Popen([sys.executable, "-S", "-c", ""])
    ended.wait()
    return ended.pid


def summary(watch, cells):
    return watch.summary(list(cells.values())).splitlines()


def reasons(watch, cells):
    return [end.sentence for end in watch.open_ends(list(cells.values()))]


def test_every_cell_is_counted_once(sweep, tmp_path):
    watch, cells = sweep("a", "b", "c", "d", "e", "f")
    ran(cells["a"])
    ran(cells["b"], skipped=True)
    ran(cells["c"], Outcome("failed", "no such file"))
    ran(cells["d"], Outcome("interrupted", "interrupted by SIGTERM"))
    running(cells["e"], 1)
    first, *rest = summary(watch, cells)
    assert first.startswith("sweep of 6 runs in ")
    assert first.endswith(
        "s: 1 done, 1 skipped (done before), 1 failed, 1 interrupted, 1 lost, 1 not begun",
    )
    assert rest == [
        f"failed      {tmp_path / 'c'}: no such file",
        f"interrupted {tmp_path / 'd'}: interrupted by SIGTERM",
        f"lost        {tmp_path / 'e'}: its process vanished (killed, or out of memory)",
    ]
    assert reasons(watch, cells)[0] == "no such file"
    assert len(reasons(watch, cells)) == 4


def test_a_sweep_that_is_done_has_no_open_ends(sweep):
    watch, cells = sweep("a", "b")
    ran(cells["a"])
    ran(cells["b"], skipped=True)
    assert reasons(watch, cells) == []
    assert len(summary(watch, cells)) == 1


def test_extractors_are_counted_once_and_cells_that_took_one_over_each(sweep):
    watch, cells = sweep(*"abcdefg")
    ran(cells["a"], phase_1="trained", phase_1_key="k")
    ran(cells["b"], phase_1="store", phase_1_key="k")
    ran(cells["c"], phase_1="run", phase_1_key=None)
    ran(cells["d"], phase_1="resumed", phase_1_key="l")
    ran(cells["e"], phase_1="trained", phase_1_key=None)
    ran(cells["f"], phase_1="trained", phase_1_key=None)
    assert "phase 1: 4 trained, 2 taken over" in summary(watch, cells)


def test_an_extractor_that_two_cells_worked_at_is_one(sweep):
    watch, cells = sweep("a", "b", "c")
    running(cells["a"], gone(), phase_1="trained", phase_1_key="k")
    ran(cells["b"], Outcome("failed", "x"), phase_1="resumed", phase_1_key="k")
    ran(cells["c"], phase_1="store", phase_1_key="k")
    assert "phase 1: 1 trained, 1 taken over" in summary(watch, cells)


def test_earlier_launches_say_where_phase_1_of_a_cell_came_from(sweep):
    _, cells = sweep("phase 3", "stored", "done")
    ran(cells["done"], phase_1="store", phase_1_key="k")
    ran(cells["stored"], phase_1="trained", phase_1_key="k")
    ran(cells["phase 3"], phase_1="store", phase_1_key="k")
    watch, cells = sweep("phase 3", "stored", "done")
    ran(cells["phase 3"])
    ran(cells["stored"], phase_1="store", phase_1_key="k")  # killed after it had put it there
    ran(cells["done"], skipped=True)
    assert "phase 1: 1 trained, 2 taken over" in summary(watch, cells)


def test_an_extractor_of_other_settings_does_not_count(sweep):
    watch, cells = sweep("a")
    ran(cells["a"], phase_1="trained", phase_1_key="before")
    ran(cells["a"], superseded="0", phase_1="trained", phase_1_key="k")
    assert "phase 1: 1 trained, 0 taken over" in summary(watch, cells)


def test_launches_of_an_earlier_sweep_are_not_those_of_this_one(sweep):
    watch, cells = sweep("a")
    ran(cells["a"], skipped=True)
    watch, cells = sweep("a")
    assert watch.begun(cells["a"]) == 0
    assert summary(watch, cells)[0].endswith(": 1 not begun")
    assert len(summary(watch, cells)) == 1
    ran(cells["a"])
    assert watch.begun(cells["a"]) == 1
    assert summary(watch, cells)[0].endswith(": 1 done")


def test_a_launch_that_was_refused_the_folder_hides_nothing(sweep):
    watch, cells = sweep("mine", "alive", "killed", "again")
    ran(cells["mine"], skipped=True)
    cells["mine"].outcome = DONE._replace(process=(socket.gethostname(), os.getpid()))
    running(cells["alive"], os.getppid())
    running(cells["killed"], gone())
    cells["killed"].launches = 1
    for name in ("mine", "alive", "killed"):
        refused(cells[name])
    assert summary(watch, cells)[0].endswith(": 1 skipped (done before), 2 lost, 1 not begun")
    assert watch.running(cells["alive"])
    assert watch.unfinished(cells["killed"])


def test_deaths_are_counted_and_a_dead_cell_has_no_end(sweep):
    watch, cells = sweep("a")
    cell = cells["a"]
    assert (watch.unfinished(cell), watch.deaths(cell)) == (True, 0)
    running(cell, gone())
    cell.launches = 1
    assert (watch.unfinished(cell), watch.deaths(cell)) == (True, 1)
    running(cell, os.getppid())
    cell.launches = 2
    assert (watch.unfinished(cell), watch.deaths(cell)) == (False, 1)
    running(cell, gone(), number=1)
    assert (watch.unfinished(cell), watch.deaths(cell)) == (True, 2)
    assert summary(watch, cells)[0].endswith(": 1 lost")


def test_a_cell_that_came_to_its_end_after_a_death_is_done(sweep):
    watch, cells = sweep("a")
    running(cells["a"], gone())
    cells["a"].launches = 2
    ran(cells["a"], outcome=None)
    assert not watch.unfinished(cells["a"])
    assert summary(watch, cells)[0].endswith(": 1 done")


def test_what_runs_on_another_machine_is_neither_known_to_be_alive_nor_launched_again(sweep):
    watch, cells = sweep("a")
    running(cells["a"], gone(), host="another")
    assert not watch.running(cells["a"])
    assert not watch.unfinished(cells["a"])


def test_a_sweep_does_not_wait_for_itself(sweep):
    watch, cells = sweep("a")
    running(cells["a"], os.getpid())
    assert not watch.running(cells["a"])


def test_a_process_that_waits_to_be_asked_about_is_dead(sweep):
    watch, cells = sweep("a")
    ended = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    ended.stdout.read()
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    running(cells["a"], ended.pid)
    assert not watch.running(cells["a"])
    ended.wait()


def test_another_process_with_the_number_of_a_dead_one_is_neither_waited_for_nor_told_to_end(sweep):
    watch, cells = sweep("a", "b")
    waiting = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        running(cells["a"], waiting.pid, process_start=f"{start_of(waiting.pid)}0")
        running(cells["b"], waiting.pid, process_start=start_of(waiting.pid))
        cells["a"].launches = 1
        assert [watch.running(cell) for cell in cells.values()] == [False, True]
        assert (watch.unfinished(cells["a"]), watch.deaths(cells["a"])) == (True, 1)
        watch.stop(signal.SIGTERM, [cells["a"]])
        assert watch.running(cells["b"])
        watch.stop(signal.SIGINT, [cells["b"]])
        assert waiting.wait(timeout=30) == -signal.SIGTERM
    finally:
        waiting.kill()
        waiting.wait()


def test_a_job_that_brought_nothing_back_is_lost_unless_its_record_tells_of_its_end(sweep):
    watch, cells = sweep("before", "while", "after", "badly")
    lost = Outcome("lost", "its job 7 ended without a result")
    cells["before"].outcome = cells["while"].outcome = lost
    running(cells["while"], 1, host="another")
    ran(cells["after"], lost)
    cells["badly"].outcome = lost
    running(cells["badly"], 1, host="another", state="failed", error="no such file")
    assert summary(watch, cells)[0].endswith(": 1 done, 1 failed, 2 lost")
    assert reasons(watch, cells) == ["its job 7 ended without a result"] * 2 + ["no such file"]


def test_a_cell_whose_return_got_lost_is_judged_by_its_record(sweep):
    watch, cells = sweep("a", "b")
    with launch(cells["a"].folder):
        pass
    with pytest.raises(InputError), launch(cells["b"].folder):
        raise InputError("no such file")
    assert summary(watch, cells)[0].endswith(": 1 done, 1 failed")
    assert reasons(watch, cells) == ["no such file"]


def test_running_cells_of_this_machine_are_told_to_end(sweep):
    watch, cells = sweep("here", "elsewhere", "done")
    waiting = [subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) for _ in range(2)]
    try:
        running(cells["here"], waiting[0].pid)
        running(cells["elsewhere"], waiting[1].pid, host="another")
        ran(cells["done"])
        watch.stop(signal.SIGTERM, list(cells.values()))
        assert waiting[0].wait(timeout=30) == -signal.SIGTERM
        assert waiting[1].poll() is None
    finally:
        for process in waiting:
            process.kill()
            process.wait()


def test_a_cell_that_ended_by_itself_in_the_meantime_is_no_error(sweep):
    watch, cells = sweep("a")
    running(cells["a"], gone())
    watch.stop(signal.SIGTERM, list(cells.values()))


@pytest.mark.parametrize(
    "wrong",
    [["accelerator.devices=2"], ["accelerator=multi_gpu"], ["accelerator.strategy=ddp"]],
)
def test_a_sweep_over_runs_of_several_processes_is_refused(tmp_path, monkeypatch, wrong):
    monkeypatch.setattr("lightning_imb.checks.in_sweep", lambda: True)
    with pytest.raises(InputError, match="cannot be part of a sweep"):
        SweepOfRuns().check(config(tmp_path, *wrong))


@pytest.mark.parametrize("right", ["accelerator=gpu", "accelerator=cpu"])
def test_the_machine_that_starts_a_sweep_needs_no_gpu(tmp_path, monkeypatch, right):
    monkeypatch.setattr("lightning_imb.checks.in_sweep", lambda: True)
    SweepOfRuns().check(config(tmp_path, right))
    SweepOfRuns().check(config(tmp_path, right, "accelerator.devices=auto"))
