"""Processes told apart from later ones with their number."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lightning_imb.utils.process import is_alive, start_of


@pytest.fixture
def ended():
    """The number of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    return process.pid


def test_a_process_has_one_start_and_another_one_has_another():
    assert start_of(os.getpid()) == start_of(os.getpid())
    assert start_of(os.getpid()) != start_of(1)


def test_a_process_is_alive_by_its_number_and_its_start():
    assert is_alive(os.getpid(), start_of(os.getpid()))
    assert is_alive(os.getpid(), None)
    assert not is_alive(os.getpid(), start_of(1))


def test_what_is_gone_has_no_start_and_is_not_alive(ended):
    assert start_of(ended) is None
    assert not is_alive(ended, None)


def test_without_the_files_of_linux_the_number_is_believed(ended, monkeypatch):
    def missing(self, **_):
        raise FileNotFoundError(self)

    monkeypatch.setattr(Path, "read_text", missing)
    assert start_of(os.getpid()) is None
    assert is_alive(os.getpid(), None)
    assert not is_alive(ended, None)
