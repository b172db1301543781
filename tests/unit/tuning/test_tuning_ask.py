"""What the command line of imb-tune means."""

import shlex

import pytest
from helpers.runs import assert_refused, composed

from lightning_imb.tuning.ask import read_question


def question(*given, hydras=("hydra.mode=RUN",), config_dir=None):
    return read_question(composed(*given, config="tune"), given, hydras, config_dir)


def test_the_default_is_eos_head_on_digits():
    asked = question()
    assert asked.search == "eos_head"
    assert set(asked.space) == {"resampler.k", "retrain.optimizer.lr", "retrain.epochs"}
    assert (asked.metric, asked.direction, asked.seeds, asked.fixed) == ("val/bacc", "maximize", (0,), ())


def test_settings_of_imb_train_are_fixed_and_those_of_the_search_are_not():
    asked = question("method=eos", "search.metric=val/gmean", "n_trials=3", "epochs=2", "seeds=[0,3]", "study=here")
    assert asked.fixed == ("method=eos", "epochs=2")
    assert (asked.metric, asked.seeds) == ("val/gmean", (0, 3))


def test_the_command_line_takes_a_setting_out_of_the_space():
    asked = question("retrain.epochs=20")
    assert set(asked.space) == {"resampler.k", "retrain.optimizer.lr"}
    assert asked.fixed == ("retrain.epochs=20",)
    assert_refused(
        lambda: question("retrain.epochs=20", "resampler.k=5", "retrain.optimizer.lr=0.1"), "eos_head", "resampler.k"
    )


@pytest.mark.parametrize(("given", "cure"), [("seed=3", "seeds="), ("run_dir=x", "study="), ("resume=never", "study=")])
def test_what_every_trial_gets_of_its_own_cannot_be_given(given, cure):
    assert_refused(lambda: question(given), given, cure)


def test_hydras_own_settings_are_refused_except_where_configs_are_found():
    assert_refused(lambda: question(hydras=["hydra.run.dir=here"]), "hydra.run.dir=here", "study=")
    assert question(hydras=["hydra.searchpath=[file://x]"]).places == ("hydra.searchpath=[file://x]",)


def test_the_command_trains_the_trial_again():
    values = {"resampler.k": 7, "retrain.optimizer.lr": 0.018700774249525893}
    asked = question("seeds=[0,1]", "dataset.augment.per_image=[]", config_dir="my conf")
    assert shlex.split(asked.command(values)) == [
        *("imb-train", "-m", "--config-dir", "my conf", "dataset.augment.per_image=[]"),
        *("resampler.k=7", "retrain.optimizer.lr=0.018700774249525893", "seed=0,1"),
    ]
    assert shlex.split(question().command(values))[:2] == ["imb-train", "resampler.k=7"]
