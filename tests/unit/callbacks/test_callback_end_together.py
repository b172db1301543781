"""The real thing, with two processes, is in tests/integration/test_ddp.py."""

import os
import threading

import pytest
from helpers import tiny

from lightning_imb.callbacks import end_together
from lightning_imb.callbacks.end_together import EndTogether


class Process:
    """As much of a trainer as the callback asks for."""

    def __init__(self, rank):
        self.global_rank = rank


@pytest.fixture
def ended(monkeypatch):
    """Codes that a process would end with; its parent is there for two looks."""
    codes, parents = [], iter([7, 7, 7, 1])
    monkeypatch.setattr(os, "getppid", lambda: next(parents))
    monkeypatch.setattr(os, "_exit", codes.append)
    monkeypatch.setattr(end_together, "_LOOK_S", 0.0)
    return codes


def watchers():
    return [thread for thread in threading.enumerate() if thread.name == "end-together"]


def test_another_process_ends_when_the_one_that_started_it_is_gone(ended):
    callback = EndTogether()
    for stage in ("fit", "test"):
        callback.setup(Process(1), tiny.classifier(), stage)
    for thread in watchers():
        thread.join(10)
    assert ended == [1]  # watched once


def test_the_first_process_ends_by_itself(ended):
    EndTogether().setup(Process(0), tiny.classifier(), "fit")
    assert watchers() == []
    assert ended == []


@pytest.mark.parametrize("rank", [0, 1])
def test_only_other_processes_give_the_first_one_time_to_end(ended, monkeypatch, rank):
    waited = []
    callback = EndTogether()
    callback.setup(Process(rank), tiny.classifier(), "fit")
    for thread in watchers():
        thread.join(10)
    monkeypatch.setattr(end_together.time, "sleep", waited.append)
    callback.on_exception(Process(rank), tiny.classifier(), RuntimeError("connection closed"))
    assert waited == [end_together._GRACE_S] * rank
