"""What travels to other processes and back."""

import os
import pickle
import socket

import cloudpickle
import pytest
from hydra import compose, initialize_config_module
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from lightning_imb.utils.errors import InputError
from lightning_imb.utils.jobs import Cell, Job, Outcome, refuse_missing, sentence_of
from lightning_imb.utils.signals import ENDING, Interrupted


@pytest.fixture
def cell():
    """The config of a cell, as current as Hydra makes it before it calls a job."""
    whole = composed("hydra.mode=MULTIRUN", hydra=True)
    HydraConfig.instance().set_config(whole)
    yield OmegaConf.masked_copy(whole, [key for key in whole if key != "hydra"])
    HydraConfig.instance().cfg = None


def composed(*overrides, hydra=False):
    with initialize_config_module("lightning_imb.conf", version_base="1.3"):
        return compose("train", overrides=list(overrides), return_hydra_config=hydra)


def elsewhere(job):
    """The job as it arrives in another process."""
    return pickle.loads(cloudpickle.dumps(job))


def ends_with(exception):
    def task(cfg):
        raise exception

    return task


class RefusedError(Exception):
    """Cannot be unpickled: its arguments are not those it hands on."""

    def __init__(self, key, value):
        super().__init__(f"{key}={value}")


def refuse(cfg):
    raise RefusedError("a", 1)


@pytest.mark.parametrize(
    ("task", "outcome"),
    [
        (lambda cfg: None, Outcome("done")),
        (ends_with(InputError("no such file")), Outcome("failed", "no such file")),
        (ends_with(KeyError("x")), Outcome("failed", "KeyError: 'x'")),
        (refuse, Outcome("failed", "RefusedError: a=1")),
        (ends_with(Interrupted(ENDING[0])), Outcome("interrupted", "interrupted by SIGTERM")),
        (ends_with(SystemExit(3)), Outcome("failed", "it ended itself with exit code 3")),
    ],
)
def test_a_cell_in_another_process_comes_back_with_its_end_and_not_with_an_exception(cell, task, outcome):
    end = pickle.loads(pickle.dumps(elsewhere(Job(task))(cell)))
    assert end == outcome._replace(process=(socket.gethostname(), os.getpid()))


def test_a_cell_in_this_process_lets_an_interruption_through(cell):
    with pytest.raises(Interrupted):
        Job(ends_with(Interrupted(ENDING[0])))(cell)


def test_submitit_may_end_a_job_that_it_has_queued_again(cell, monkeypatch):
    monkeypatch.setenv("SUBMITIT_EXECUTOR", "slurm")
    with pytest.raises(SystemExit):
        elsewhere(Job(ends_with(SystemExit(-1))))(cell)


def test_no_cell_begins_once_the_sweep_is_told_to_end(cell, tmp_path):
    job = Job(lambda cfg: pytest.fail("begun"))
    job.stop_file = tmp_path / "stop"
    job.stop_file.touch()
    assert elsewhere(job)(cell).state == "waiting"


def test_a_cell_that_was_beginning_when_the_sweep_was_told_to_end_does_not_train(cell, tmp_path):
    job = Job(lambda cfg: pytest.fail("begun"), launch=lambda cfg: Stopping(tmp_path / "stop"))
    job.stop_file = tmp_path / "stop"
    assert elsewhere(job)(cell).state == "interrupted"


class Stopping:
    """A launch during whose recording the sweep is told to end."""

    def __init__(self, stop_file):
        self.stop_file = stop_file

    def __enter__(self):
        self.stop_file.touch()

    def __exit__(self, *_):
        return None


def test_the_sweep_stays_at_home(tmp_path):
    job = Job(lambda cfg: None)
    job.cells = [Cell("a", tmp_path)]
    assert elsewhere(job).cells == []


def test_a_launch_is_recorded_with_the_sentence_that_the_user_gets(cell):
    seen = []

    class Record:
        def __enter__(self):
            return None

        def __exit__(self, kind, error, trace):
            seen.append(str(error))

    wrapped = RuntimeError("something went wrong")
    wrapped.__cause__ = InputError("the file is empty: give another")
    Job(ends_with(wrapped), launch=lambda cfg: Record())(cell)
    assert seen == ["the file is empty: give another"]


def test_a_sentence_is_one_line():
    assert sentence_of(ValueError("one\n  two")) == "ValueError: one two"
    assert sentence_of(InputError("one")) == "one"


def test_missing_values_are_named():
    with pytest.raises(InputError, match=r"dataset\.csv and dataset\.root have no value"):
        refuse_missing(composed("dataset=csv"))
