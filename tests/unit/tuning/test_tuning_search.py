"""Trial after trial: what is counted, what is recorded, what ends the search. The runs are made up."""

import csv
import subprocess
import sys

import pytest
import yaml
from helpers.runs import assert_refused
from optuna.trial import TrialState

from lightning_imb.runs import RunFolder
from lightning_imb.tuning import search as module
from lightning_imb.tuning.results import BEST, TRIALS
from lightning_imb.tuning.search import search
from lightning_imb.tuning.study import complete, in_state
from lightning_imb.utils.errors import InputError, NoRoomError
from lightning_imb.utils.signals import Interrupted

K = {"resampler.k": {"type": "categorical", "choices": [1, 2, 3]}}
STORE = InputError("the store cannot be used: choose another paths.store")
STORE.__cause__ = PermissionError(13, "Permission denied")
CLAIM = """
import sys
from lightning_imb.runs import RunFolder
with RunFolder(sys.argv[1]).claimed():
    print(1, flush=True)
    sys.stdin.read()
"""
BAD = InputError("the loss became NaN: lower the rate")


@pytest.fixture
def go(opened, ask, tmp_path, monkeypatch, capsys):
    """A function that searches with made-up runs; returns the study, what was trained, and the screen."""

    def run(measure, n_trials=3, max_failures=2, **changes):
        trained = []

        def measured(question, values, study, number):
            trained.append(number)
            return measure(number, values["resampler.k"])

        monkeypatch.setattr(module, "measure", measured)
        study = opened(**changes)
        search(study, ask(**changes), tmp_path, n_trials, max_failures)
        return study, trained, capsys.readouterr().out.splitlines()

    return run


def fails_at(*numbers, error=BAD):
    def measure(number, k):
        if number in numbers:
            raise error
        return [k / 200]

    return measure


def test_the_search_ends_when_enough_trials_are_finished(go):
    study, trained, lines = go(fails_at(), n_trials=3)
    assert trained == [0, 1, 2]
    assert len(complete(study)) == 3
    assert len(lines) == 3
    assert go(fails_at(), n_trials=3)[1] == []
    assert go(fails_at(), n_trials=4)[1] == [3]


def test_a_failed_trial_is_recorded_with_its_sentence_and_the_others_go_on(go, tmp_path):
    study, trained, lines = go(fails_at(1))
    assert trained == [0, 1, 2, 3]
    (failed,) = in_state(study, TrialState.FAIL)
    assert (failed.number, failed.user_attrs["error"]) == (1, str(BAD))
    assert "trial   1  failed: the loss became NaN" in lines[1]
    assert len(complete(study)) == 3
    rows = list(csv.DictReader((tmp_path / TRIALS).open()))
    assert [row["state"] for row in rows] == ["complete", "fail", "complete", "complete"]
    assert rows[1]["error"] == str(BAD)


def test_a_defect_fails_its_trial_too(go):
    study, *_ = go(fails_at(0, error=RuntimeError("out of memory\nand more")))
    (failed,) = in_state(study, TrialState.FAIL)
    assert failed.user_attrs["error"] == "RuntimeError: out of memory"


def test_too_many_failures_in_a_row_end_the_search(go):
    sentence = assert_refused(lambda: go(fails_at(1, 2, 3, 4), max_failures=2), "2 trials in a row", "NaN")
    assert "lower the rate" in sentence


def test_failures_that_are_not_in_a_row_do_not(go):
    assert len(complete(go(fails_at(0, 2, 4), max_failures=2)[0])) == 3


@pytest.mark.parametrize("signal", [Interrupted(15), KeyboardInterrupt()])
def test_a_signal_leaves_the_trial_to_be_gone_on_with(go, opened, signal):
    with pytest.raises(type(signal)):
        go(fails_at(1, error=signal))
    assert [one.number for one in in_state(opened(), TrialState.RUNNING)] == [1]
    study, trained, _ = go(fails_at())
    assert trained == [1, 2]
    assert [one.number for one in complete(study)] == [0, 1, 2]


def assert_left_running(go, opened, measure, *words):
    assert_refused(lambda: go(measure), *words, "trial 1 is gone on with")
    assert [one.number for one in in_state(opened(), TrialState.RUNNING)] == [1]
    study, trained, _ = go(fails_at())
    assert trained == [1, 2]
    assert in_state(study, TrialState.FAIL) == []


@pytest.mark.parametrize("error", [NoRoomError("cannot write x: make room"), OSError(5, "Input/output error"), STORE])
def test_trouble_of_the_machine_leaves_the_trial_to_be_gone_on_with(go, opened, error):
    assert_left_running(go, opened, fails_at(1, error=error), str(error))


def test_a_run_that_another_process_trains_leaves_the_trial_to_be_gone_on_with(go, opened, tmp_path):
    run = RunFolder(tmp_path / "run")

    def measure(number, k):
        if number == 1:
            with run.claimed():
                pytest.fail("it is claimed already")
        return [k / 200]

    command = [sys.executable, "-c", CLAIM, str(run.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "1\n"
        assert_left_running(go, opened, measure, "another process is training", str(run.path))
        other.stdin.close()


def test_the_objective_is_the_mean_over_the_seeds(go, tmp_path):
    study, _, lines = go(lambda number, k: [0.5, 0.7], n_trials=1, seeds=(0, 1))
    (trial,) = complete(study)
    assert trial.value == pytest.approx(0.6)
    assert trial.user_attrs["std"] == pytest.approx(0.02**0.5)
    assert "0.6000 ± 0.1414" in lines[0]
    (row,) = csv.DictReader((tmp_path / TRIALS).open())
    assert (row["val/bacc seed=0"], row["val/bacc seed=1"]) == ("0.5", "0.7")


def test_the_same_values_are_not_trained_twice(go, tmp_path):
    study, trained, lines = go(lambda number, k: [k / 10], n_trials=8, space=K)
    assert len(trained) == len({trial.params["resampler.k"] for trial in complete(study)}) <= 3
    twins = [trial for trial in complete(study) if trial.number not in trained]
    assert all(trial.value == trial.params["resampler.k"] / 10 for trial in twins)
    assert "as trial" in lines[twins[0].number]
    rows = list(csv.DictReader((tmp_path / TRIALS).open()))
    first = next(number for number in trained if rows[number]["resampler.k"] == rows[twins[0].number]["resampler.k"])
    assert rows[twins[0].number]["same_as"] == str(first)
    assert rows[twins[0].number]["folder"] == rows[first]["folder"]


@pytest.mark.parametrize(("direction", "chosen"), [("maximize", 1), ("minimize", 2)])
def test_best_yaml_holds_the_best_trial_and_its_command(go, tmp_path, direction, chosen):
    scores = [0.5, 0.8, 0.1, 0.8]
    study, *_ = go(lambda number, k: [scores[number]], n_trials=4, direction=direction)
    best = yaml.safe_load((tmp_path / BEST).read_text())
    assert (best["trial"], best["val/bacc"]) == (chosen, scores[chosen])
    assert best["settings"] == study.get_trials()[chosen].params
    words = best["command"].split()
    assert words[0] == "imb-train"
    assert {f"resampler.k={best['settings']['resampler.k']}", "seed=0"} <= set(words)
    assert "test/" not in (tmp_path / BEST).read_text() + (tmp_path / TRIALS).read_text()
