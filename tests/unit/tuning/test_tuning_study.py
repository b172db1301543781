"""The study on disk: the same question goes on, another one is refused, nothing is tried twice or lost."""

import optuna
import pytest
from helpers.runs import assert_refused
from optuna.trial import TrialState

from lightning_imb.tuning import study as module
from lightning_imb.tuning.space import suggest
from lightning_imb.tuning.study import complete, in_state, next_trial, open_study
from lightning_imb.utils.environment import installed


def in_memory():
    return optuna.create_study(direction="maximize")


@pytest.fixture
def study():
    return in_memory()


def tried(study, question, number):
    """Carry out trials with a made-up score; returns their values."""
    values = []
    for _ in range(number):
        trial = next_trial(study, question)
        values.append(suggest(trial, question.space))
        study.tell(trial, values[-1]["resampler.k"] / 200)
    return values


def test_the_same_question_goes_on(opened):
    opened().set_user_attr("mark", 1)
    assert opened().user_attrs["mark"] == 1


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"fixed": ("retrain.scheduler.warmup_epochs=0", "epochs=7")}, "epochs"),
        ({"seeds": (0, 1)}, "seeds"),
        ({"metric": "val/gmean"}, "search.metric"),
        ({"direction": "minimize"}, "search.direction"),
        ({"sampler": "random"}, "search.sampler"),
        ({"space": {"resampler.k": {"type": "int", "low": 5, "high": 100, "log": True}}}, "search.space.resampler.k"),
    ],
)
def test_another_question_is_refused(opened, ask, tmp_path, changes, named):
    opened()
    assert_refused(lambda: open_study(tmp_path, ask(**changes)), named, str(tmp_path), "study=")


def test_how_trials_are_carried_out_may_change(opened):
    opened()
    opened(fixed=("retrain.scheduler.warmup_epochs=0", "threads=1", "logger=none"))


@pytest.mark.parametrize("package", ["torch", "lightning-imb"])
def test_scores_of_other_versions_are_not_mixed(opened, monkeypatch, tmp_path, package):
    opened()
    monkeypatch.setattr(module, "installed", lambda packages: installed(packages) | {package: "0.0.7"})
    assert_refused(opened, package, installed((package,))[package], "0.0.7", str(tmp_path), "study=")


def test_a_file_that_is_no_study_is_refused(opened, tmp_path):
    (tmp_path / "study.db").write_text("hello " * 1000)
    assert_refused(opened, "study.db", "study=")


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_an_interrupted_study_tries_what_an_undisturbed_one_does(opened, ask, study, tmp_path, sampler):
    question = ask(sampler=sampler)
    whole = tried(study, question, 6)
    parts = [tried(opened(sampler=sampler), question, number) for number in (2, 4)]
    assert [values for part in parts for values in part] == whole
    assert len({str(values) for values in whole}) > 4


def test_another_sampler_seed_tries_other_values(ask):
    one, two = (tried(in_memory(), ask(sampler_seed=seed), 1) for seed in (0, 1))
    assert one != two


def test_tpe_learns_from_what_it_has_seen(ask, study):
    """The made-up score rises with k; random search would reach 100 of 5..200 (log) in a fifth of the trials."""
    later = tried(study, ask(), 25)[10:]
    assert sum(values["resampler.k"] > 100 for values in later) > len(later) / 2


def test_a_trial_that_was_left_running_comes_back_with_its_number_and_values(opened, ask):
    question = ask()
    study = opened()
    tried(study, question, 2)
    left = next_trial(study, question)
    drawn = suggest(left, question.space)
    again = next_trial(opened(), question)
    assert again.number == left.number == 2
    assert suggest(again, question.space) == drawn
    again.study.tell(again, 0.5)
    assert next_trial(again.study, question).number == 3


@pytest.mark.parametrize("drawn", [0, 1, 2])
def test_a_trial_that_was_killed_while_values_were_drawn_gets_the_same_ones(ask, study, drawn):
    question, killed = ask(), in_memory()
    whole = tried(study, question, 5)
    tried(killed, question, 4)
    suggest(next_trial(killed, question), dict(list(question.space.items())[:drawn]))
    assert suggest(next_trial(killed, question), question.space) == whole[4]


def test_states_are_told_apart(ask, study):
    question = ask()
    tried(study, question, 1)
    study.tell(next_trial(study, question), state=TrialState.FAIL)
    next_trial(study, question)
    assert [one.number for one in complete(study)] == [0]
    assert [one.number for one in in_state(study, TrialState.FAIL)] == [1]
    assert [one.number for one in in_state(study, TrialState.RUNNING)] == [2]
