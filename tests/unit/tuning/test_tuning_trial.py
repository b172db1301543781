"""A trial is one run per seed, each in a folder and with a log of its own."""

import pytest
from helpers.runs import assert_refused

from lightning_imb.launches import FILE, launches_of
from lightning_imb.tuning import trial as module
from lightning_imb.tuning.trial import launches, measure, spread
from lightning_imb.utils.atomic import write_json_atomic
from lightning_imb.utils.errors import InputError

VALUES = {"resampler.k": 7, "retrain.epochs": 3}


@pytest.fixture
def runs(hydra, monkeypatch):
    """Configs of all runs that were started; ``answers`` says what a run ends with, by its seed."""
    configs, answers = [], {}

    def train(cfg):
        configs.append(cfg)
        print("the table of the run")
        ending = answers.get(cfg.seed, {"val/bacc": 0.5 + cfg.seed / 10})
        if isinstance(ending, Exception):
            raise ending
        return ending

    monkeypatch.setattr(module, "train", train)
    return configs, answers


def test_every_seed_is_a_run_with_the_values_of_the_trial(runs, ask, tmp_path, capsys):
    configs, _ = runs
    assert measure(ask(seeds=(0, 2)), VALUES, tmp_path, 4) == [0.5, 0.7]
    assert [(cfg.seed, cfg.resampler.k, cfg.retrain.epochs) for cfg in configs] == [(0, 7, 3), (2, 7, 3)]
    assert [cfg.run_dir for cfg in configs] == [f"{tmp_path}/trials/4/seed={seed}" for seed in (0, 2)]
    assert all(cfg.retrain.scheduler.warmup_epochs == 0 for cfg in configs)
    assert capsys.readouterr() == ("", "")
    assert "the table of the run" in (tmp_path / "trials/4/seed=2/train.log").read_text()


def test_every_run_records_its_launches(runs, ask, tmp_path):
    for _ in range(2):
        measure(ask(), VALUES, tmp_path, 0)
    assert [one["state"] for one in launches(ask(), tmp_path, 0)] == ["done", "done"]


@pytest.mark.parametrize(
    ("failure", "logged"),
    [(InputError("lower the rate"), "[ERROR] lower the rate\n"), (RuntimeError("broken"), "RuntimeError: broken\n")],
)
def test_what_ends_a_run_stands_in_its_log_and_ends_the_trial(runs, ask, tmp_path, failure, logged):
    configs, answers = runs
    answers[1] = failure
    with pytest.raises(type(failure)):
        measure(ask(seeds=(0, 1, 2)), VALUES, tmp_path, 0)
    assert len(configs) == 2
    log = (tmp_path / "trials/0/seed=1/train.log").read_text()
    assert logged in log
    assert ("Traceback" in log) == isinstance(failure, RuntimeError)
    assert launches_of(tmp_path / "trials/0/seed=1")[0]["state"] == "failed"


def launched(run, *states):
    """Leave the records of launches; one that was killed stays running."""
    write_json_atomic(run / FILE, {"launches": [{"host": "here", "pid": 1, "state": state} for state in states]})


def test_a_run_that_kills_its_process_every_time_is_given_up(runs, ask, tmp_path):
    launched(tmp_path / "trials/0/seed=1", "running", "interrupted", "running", "running")
    assert_refused(lambda: measure(ask(seeds=(0, 1)), VALUES, tmp_path, 0), "trials/0/seed=1", "killed 3 times")
    assert runs[0] == []


def test_deaths_of_several_runs_and_interruptions_give_up_none(runs, ask, tmp_path):
    launched(tmp_path / "trials/0/seed=0", "running", "running", "interrupted", "interrupted")
    launched(tmp_path / "trials/0/seed=1", "running", "running")
    assert measure(ask(seeds=(0, 1)), VALUES, tmp_path, 0) == [0.5, 0.6]


@pytest.mark.parametrize("metrics", [{}, {"val/bacc": None}])
def test_a_run_without_the_score_is_refused(runs, ask, tmp_path, metrics):
    runs[1][0] = metrics
    assert_refused(lambda: measure(ask(), VALUES, tmp_path, 0), "val/bacc", "search.metric")


def test_spread_is_the_sample_deviation():
    assert spread([0.5, 0.7]) == pytest.approx(0.02**0.5)
    assert spread([0.5]) is None
