"""The command that trains a run again: the right one, or none."""

import shlex

import pytest
from omegaconf import OmegaConf

from lightning_imb.reports.collect import collect
from lightning_imb.reports.html.command import train_again
from lightning_imb.utils.errors import InputError


def overridden(run, *words):
    folder = run.path / ".hydra"
    folder.mkdir()
    OmegaConf.save(OmegaConf.create(list(words)), folder / "overrides.yaml")
    return train_again(collect(run.path)[0])


def test_the_command_is_that_of_the_run_and_not_of_the_sweep(make_run):
    run = make_run("a", method="eos", seed=1, command="imb-train -m method=eos,erm seed=0,1")
    assert overridden(run, "method=eos", "seed=1") == "imb-train method=eos seed=1"


def test_words_of_the_command_are_quoted_for_the_shell(make_run):
    words = ["dataset.root=my photos", "dataset.augment.per_image=[{_target_: 'x'}]"]
    assert shlex.split(overridden(make_run("a"), *words)) == ["imb-train", *words]


def test_a_sweep_file_alone_makes_no_sweep(make_run):
    assert (
        overridden(make_run("a", method="eos"), "method=eos", "sweep=demo")
        == "imb-train method=eos sweep=demo hydra.mode=RUN"
    )


def test_without_overrides_the_recorded_command_stands(make_run):
    assert train_again(collect(make_run("a", command="imb-train seed=3").path)[0]) == "imb-train seed=3"


def test_damaged_overrides_are_named(make_run):
    run = make_run("a")
    (run.path / ".hydra").mkdir()
    (run.path / ".hydra" / "overrides.yaml").write_text("3")
    with pytest.raises(InputError, match=r"overrides\.yaml is damaged"):
        train_again(collect(run.path)[0])


@pytest.mark.parametrize(
    "command",
    [
        "imb-train seed=3 --config-dir my_conf +epochs=2",
        "imb-train -cd my_conf seed=3 ~scheduler",
        "imb-train dataset.splits=[a,b]",
    ],
)
def test_the_recorded_command_of_a_single_run_wins_over_overrides(make_run, command):
    """A launch with other words that was refused has overwritten the overrides."""
    found = overridden(make_run("a", seed=3, command=command), "seed=3", "threads=1")
    assert shlex.split(found) == command.split()


def test_the_run_is_trained_again_elsewhere(make_run):
    run = make_run("a", seed=3, command="imb-train seed=3 hydra.run.dir=runs/a")
    assert overridden(run, "seed=3", "threads=1") == "imb-train seed=3"


@pytest.mark.parametrize(
    "command",
    [
        "imb-train -m seed=3,4",
        "imb-train seed=3,4 --multirun",
        "imb-train sweep=demo",  # its file asks for several runs
        "imb-tune seed=3",
        "imb-train dataset.root=my photos",  # two words or one
        "imb-train 'dataset.root=my photos'",
    ],
)
def test_what_is_not_surely_the_command_of_one_run_is_not_taken(make_run, command):
    assert overridden(make_run("a", seed=3, command=command), "seed=3") == "imb-train seed=3"


@pytest.mark.parametrize("word", ["seed=4", "method=eos", "optimizer.lr=1e-2", "dataset.image_size=32", "+seed=4"])
def test_overrides_of_another_launch_are_not_taken_for_those_of_the_run(make_run, word):
    settings = {"optimizer": {"lr": 0.001}, "dataset": {"name": "digits", "image_size": None}}
    run = make_run("a", seed=3, method="erm", settings=settings, command="imb-train -m seed=3,4")
    found = overridden(run, "threads=1", word)
    assert found.startswith("not known: ")
    assert word in found


def test_overrides_that_agree_or_cannot_be_compared_are_believed(make_run):
    settings = {
        "optimizer": {"lr": 0.001, "nesterov": True},
        "dataset": {"name": "2030", "image_size": None, "augment": [1, 2]},
        "store": True,
    }
    words = [
        *("seed=3", "optimizer.lr=1e-3", "optimizer.nesterov=true", "dataset.image_size=null", "dataset.name=2030"),
        *("dataset=cifar10", "dataset.augment=[1,2]", "epochs=${dataset.epochs}", "~scheduler", "store=off"),
    ]
    run = make_run("a", seed=3, settings=settings, command="imb-train -m seed=3,4")
    assert shlex.split(overridden(run, *words)) == ["imb-train", *words]
