"""What a finished study says."""

import optuna
import pytest

from lightning_imb.launches import launch, note_launch
from lightning_imb.tuning.closing import close
from lightning_imb.tuning.results import BEST, TRIALS
from lightning_imb.tuning.space import suggest
from lightning_imb.tuning.study import next_trial
from lightning_imb.tuning.trial import run_of


@pytest.fixture
def closed(hydra, ask, tmp_path, capsys):
    """A function that closes a study with these scores; returns the screen. Test scores are the scores minus 0.1."""

    def make(*scores, **changes):
        question, study = ask(**changes), optuna.create_study(direction="maximize")
        for number, score in enumerate(scores):
            trial = next_trial(study, question)
            suggest(trial, question.space)
            for seed in question.seeds:
                run = run_of(tmp_path, number, seed)
                with launch(run.path):
                    note_launch(run.path, phase_1="trained" if number == 0 else "store")
                run.write_metrics({"val/bacc": score, "test/bacc": score - 0.1, "test/gmean": 0.0})
            trial.set_user_attr("seeds", [score] * len(question.seeds))
            trial.set_user_attr("std", None)
            study.tell(trial, score)
        close(study, question, tmp_path)
        return capsys.readouterr().out

    return make


def test_the_test_score_is_that_of_the_best_trial_and_says_how_it_was_chosen(closed):
    out = closed(0.5, 0.75, 0.625)
    assert "best of 3 trials (0 failed): trial 1, val/bacc 0.7500" in out
    (line,) = [line for line in out.splitlines() if "test/bacc" in line]
    assert "selected on val/bacc" in line
    assert line.endswith("test/bacc 0.6500")


def test_several_seeds_have_a_spread(closed):
    assert "test/bacc 0.6500 ± 0.0000" in closed(0.5, 0.75, seeds=(0, 1))


def test_how_phase_1_came_about_is_counted(closed):
    assert "phase 1: 1 trained, 2 from the store" in closed(0.5, 0.75, 0.625)


def test_importance_is_shown_once_there_are_enough_trials(closed):
    assert "PED-ANOVA" not in closed(*(number / 10 for number in range(9)))


def test_importance_names_every_setting(closed, ask):
    (line,) = [line for line in closed(*(number / 20 for number in range(12))).splitlines() if "PED-ANOVA" in line]
    assert all(key in line for key in ask().space)


def test_importance_of_equal_scores_is_not_made_up(closed):
    assert "PED-ANOVA" not in closed(*[0.5] * 12)


def test_the_files_are_written_even_if_the_last_launch_could_not(closed, tmp_path):
    closed(0.5)
    assert {path.name for path in tmp_path.iterdir()} == {"trials", BEST, TRIALS, "history.png"}
