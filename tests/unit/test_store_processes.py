"""Phase 1 out of the store where several processes want it."""

import os
import signal

import torch
from helpers.runs import trained
from helpers.stores import SHORT, begin_function, cell, entries, same_bits, wait_for

from lightning_imb.launches import launches_of
from lightning_imb.phases import Phase
from lightning_imb.runs import RunFolder


def _cell(folder, shelf, *overrides):
    torch.set_num_threads(1)
    cell(folder, shelf, *overrides)


def begin(folder, shelf, *overrides):
    """A cell in a process of its own."""
    return begin_function(_cell, folder, shelf, *overrides)


def test_of_two_jobs_at_once_one_trains_and_the_other_waits(tmp_path):
    shelf = tmp_path / "store"
    jobs = [begin(tmp_path / method, shelf, f"method={method}") for method in ("eos", "smote")]
    for job in jobs:
        job.join(120)
        assert job.exitcode == 0
    sources = sorted(launches_of(tmp_path / method)[0]["phase_1"] for method in ("eos", "smote"))
    assert sources == ["store", "trained"]
    assert len(entries(shelf)) == 1


def test_a_dead_owner_is_taken_over_where_it_stopped(tmp_path):
    shelf = tmp_path / "store"
    dead = RunFolder(tmp_path / "dead")
    job = begin(dead.path, shelf, "method=eos", "epochs=20")
    wait_for(lambda: dead.checkpoint(Phase.REPRESENT, "previous").is_file())
    os.kill(job.pid, signal.SIGKILL)
    job.join(10)
    epoch = torch.load(dead.checkpoint(Phase.REPRESENT, "last"), weights_only=True)["epoch"]
    assert 0 < epoch < 19, "it must have died in the middle"
    heir, source = cell(tmp_path / "heir", shelf, "method=smote", "epochs=20")
    assert source == "resumed"
    alone = trained(tmp_path / "alone", *SHORT, "method=smote", "epochs=20")
    same_bits(heir, alone)
