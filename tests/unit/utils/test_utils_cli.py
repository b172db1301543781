"""How a console script ends: well, with one sentence, or with a traceback."""

import os
import signal
import sys
from pathlib import Path

import pytest
from helpers.commands import assert_one_sentence
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.utils import instantiate

from lightning_imb import train
from lightning_imb.utils.cli import hydra_entry, quoted
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.signals import end_now


def entry(task):
    return hydra_entry("train")(task)


def do_nothing(cfg):
    pass


def raise_input_error():
    raise InputError("the file is empty: give another")


def raise_defect():
    raise RuntimeError("a defect")


def log_files(folder):
    return [file.read_text() for file in folder.rglob("*.log")]


def test_the_task_gets_the_config_of_the_command_line(imb):
    seen = {}
    end = imb(entry(lambda cfg: seen.update(seed=cfg.seed, loss=cfg.loss._target_)), "seed=3", "loss=ldam")
    assert (end.code, end.err) == (0, "")
    assert seen == {"seed": 3, "loss": "lightning_imb.losses.LDAMLoss"}


@pytest.mark.parametrize(
    ("argument", "wrong", "right"),
    [
        ("loss=ldma", "'ldma' is not an option of loss", "did you mean 'ldam'?"),
        ("method=eso", "'eso' is not an option of method", "did you mean 'eos'?"),
        ("loss=ldma", "options:", "equalization, focal, focal_r, focal_sigmoid, gai, gcl"),
        ("losss=ldam", "'losss'", "did you mean 'loss'?"),
        ("experimnt=mine", "'experimnt'", "did you mean 'experiment'?"),  # a group with nothing chosen
        ("sweeep=demo", "'sweeep'", "did you mean 'sweep'?"),
        ("loss@retrian.loss=ce", "'loss@retrian.loss'", "did you mean 'loss@retrain.loss'?"),
        ("imbalance.ration=10", "'imbalance.ration'", "did you mean 'imbalance.ratio'?"),
        ("epoch=3", "'epoch'", "did you mean 'epochs'?"),
        ("retrain.epoch=3", "'retrain.epoch'", "did you mean 'retrain.epochs'?"),
        ("lr=0.1", "'lr'", "did you mean 'optimizer.lr'?"),  # the name is right, the place is not
        ("hydra.sweep.dirr=x", "'hydra.sweep.dirr'", "did you mean 'hydra.sweep.dir'?"),
        ("qwertyuiop=1", "'qwertyuiop'", "--cfg job shows all keys"),
        ("epochs=[1", "cannot read 'epochs=[1'", "key=value"),
        ("epochs", "cannot read 'epochs'", "key=value"),
        ("+epochs=3", "'epochs' exists already", "without the +"),
        ("seed=0,1", "seed=0,1 is several values", "add -m"),
        ("hydra.run.dir=${nothing}", "'nothing' not found", "hydra.run.dir"),
    ],
)
def test_what_does_not_compose_is_one_sentence_with_the_nearest_name(imb, argument, wrong, right):
    assert_one_sentence(imb(train.main, argument), wrong, right)
    assert list(imb.folder.iterdir()) == []


def test_the_hint_knows_the_keys_of_the_options_chosen(imb):
    end = imb(train.main, "loss=ldam", "loss.max_n=1")
    assert_one_sentence(end, "'loss.max_n'", "did you mean 'loss.max_m'?")


def test_two_mistakes_give_a_hint_for_the_first(imb):
    assert_one_sentence(imb(train.main, "epoch=3", "sede=1"), "'epoch'", "did you mean 'epochs'?")


def test_no_hint_is_better_than_a_wrong_one(imb):
    assert "did you mean" not in imb(train.main, "qwertyuiop=1").err


@pytest.mark.parametrize(
    ("option", "needed"),
    [("image_folder", ["dataset.root"]), ("csv", ["dataset.root", "dataset.csv"])],
)
def test_all_missing_values_are_asked_for_before_the_task_starts(imb, option, needed):
    end = imb(entry(lambda cfg: pytest.fail("started")), f"dataset={option}")
    assert_one_sentence(end, "no value", "command line", *(f"{key}=..." for key in needed))
    assert imb.left_behind() == []


def test_bad_input_goes_to_stderr_and_into_the_log_of_the_run(imb):
    end = imb(entry(lambda cfg: raise_input_error()))
    assert_one_sentence(end, "error: the file is empty: give another")
    assert end.out == ""
    assert all("the file is empty" in text and "Traceback" not in text for text in log_files(imb.folder))
    assert len(log_files(imb.folder)) == 1


def test_bad_input_is_found_inside_what_hydra_and_the_loader_wrap_around_it(imb):
    call = {"_target_": f"{__name__}.raise_input_error"}
    assert_one_sentence(imb(entry(lambda cfg: instantiate(call))), "error: the file is empty: give another")
    worker = "Caught InputError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n  ..."

    def in_worker(cfg):
        raise InputError(f"{worker}\nlightning_imb.utils.errors.InputError: a.png is damaged: remove it\n")

    assert_one_sentence(imb(entry(in_worker)), "error: a.png is damaged: remove it")


def test_a_class_that_does_not_exist_is_bad_input(imb):
    end = imb(entry(lambda cfg: instantiate(cfg.loss)), "loss._target_=lightning_imb.losses.Nothing")
    assert_one_sentence(end, "lightning_imb.losses.Nothing")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["~loss"], ["no key 'loss'"]),
        (["epochs=${nothing}"], ["epochs", "'nothing' not found"]),
        (["paths.data=${oc.env:NOT_SET_HERE}", "dataset=svhn"], ["NOT_SET_HERE"]),
    ],
)
def test_a_value_that_cannot_be_resolved_is_bad_input(imb, arguments, words):
    assert_one_sentence(imb(entry(lambda cfg: [cfg.loss, cfg.epochs, cfg.dataset.root]), *arguments), *words)


DEFECTS = [
    (raise_defect, RuntimeError),
    (lambda: Path("no/such/file").read_text(), FileNotFoundError),  # not to be taken for an unwritable output folder
    (lambda: int("x"), ValueError),
]


@pytest.mark.parametrize(("defect", "kind"), DEFECTS)
def test_a_defect_keeps_its_traceback_on_the_screen_and_in_the_log(imb, defect, kind):
    with pytest.raises(kind) as caught:
        imb(entry(lambda cfg: defect()), "hydra.run.dir=run")
    assert any(frame.name == "<lambda>" for frame in caught.traceback)
    (log,) = log_files(imb.folder)
    assert "Traceback" in log
    assert kind.__name__ in log


@pytest.mark.parametrize(("defect", "kind"), DEFECTS)
def test_a_defect_in_a_sweep_has_its_traceback_on_the_screen_and_in_the_log_of_its_run(imb, defect, kind):
    end = imb(entry(lambda cfg: defect()), "-m", "hydra.sweep.dir=sweep")
    assert end.code == 1
    (log,) = log_files(imb.folder)
    for text in (end.out, log):
        assert "Traceback" in text
        assert "<lambda>" in text
    last = end.err.strip().splitlines()[-1]
    assert last.startswith(f"error: 1 of the sweep's runs failed, the first because {kind.__name__}: ")


def test_a_defect_inside_instantiate_keeps_its_traceback(imb):
    with pytest.raises(Exception, match="a defect"):
        imb(entry(lambda cfg: instantiate({"_target_": f"{__name__}.raise_defect"})))


@pytest.mark.parametrize("argument", ["hydra.run.dir={}/x", "paths.logs={}"])
def test_a_folder_that_cannot_be_made_is_bad_input(imb, tmp_path, argument):
    (tmp_path / "file").touch()
    end = imb(entry(do_nothing), argument.format(tmp_path / "file"))
    assert_one_sentence(end, "cannot write to", str(tmp_path / "file"), "hydra.run.dir")


def test_the_folder_of_a_sweep_that_cannot_be_made_is_bad_input(imb, tmp_path):
    (tmp_path / "file").touch()
    end = imb(entry(do_nothing), "-m", "seed=0,1", f"hydra.sweep.dir={tmp_path / 'file'}/x")
    assert_one_sentence(end, "cannot write to", "hydra.sweep.dir")


def test_a_sweep_goes_on_after_bad_cells_and_says_so_at_the_end(imb):
    done = []

    def task(cfg):
        if cfg.seed < 2:
            raise InputError(f"seed {cfg.seed} is not wanted")
        done.append(cfg.seed)

    end = imb(entry(task), "-m", "seed=0,1,2,3", "hydra.sweep.dir=sweep")  # seeds alone: no other folder name
    assert end.code == 1
    assert done == [2, 3]
    last = end.err.strip().splitlines()[-1]
    assert last == "error: 2 of the sweep's runs failed, the first because seed 0 is not wanted"
    assert "Traceback" not in end.err + end.out
    logs = {log.parent.name: log.read_text() for log in (imb.folder / "sweep").rglob("*.log")}
    assert {name: bool(text) for name, text in logs.items()} == {
        "seed=0": True,
        "seed=1": True,
        "seed=2": False,
        "seed=3": False,
    }


def test_a_failure_in_one_batch_does_not_keep_the_next_from_starting(imb):
    done = []

    def task(cfg):
        if cfg.seed == 0:
            raise_defect()
        done.append(cfg.seed)

    assert imb(entry(task), "-m", "seed=0,1,2", "hydra.sweeper.max_batch_size=1").code == 1
    assert done == [1, 2]


def test_a_sweep_without_failures_ends_well(imb):
    assert imb(entry(do_nothing), "-m", "seed=0,1").code == 0


def leave_as_lightning():
    """How Lightning leaves a loop on SIGTERM; wandb, once used in this process, gives sys.exit() a code."""
    raise SystemExit


@pytest.mark.parametrize("mode", [[], ["-m", "seed=0,1"]])
@pytest.mark.parametrize(
    ("leave", "code"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGINT), 130),
        (lambda: end_now(signal.SIGTERM, None), 143),
        (leave_as_lightning, 143),
    ],
)
def test_an_interruption_ends_the_command_with_its_own_code(imb, mode, leave, code):
    begun = []

    def task(cfg):
        begun.append(cfg.seed)
        leave()

    end = imb(entry(task), *mode)
    assert (end.code, begun) == (code, [0])
    assert "Traceback" not in end.err + end.out


def test_a_run_that_ends_its_process_is_a_failure_of_the_sweep(imb):
    end = imb(entry(lambda cfg: sys.exit(0) if cfg.seed else None), "-m", "seed=0,1")
    assert end.code == 1
    assert "it ended itself with exit code 0" in end.err


def test_a_sweep_with_a_misspelt_option_does_not_start(imb):
    end = imb(entry(lambda cfg: pytest.fail("started")), "-m", "loss=ce,ldma")
    assert_one_sentence(end, "'ldma'", "did you mean 'ldam'?")


def write(folder, name, text):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.yaml").write_text(text)


def test_configs_of_ones_own(imb, tmp_path):
    mine = tmp_path / "mine"
    write(mine / "experiment", "short", "# @package _global_\ndefaults:\n  - override /loss: ldam\nepochs: 2\n")
    seen = []
    end = imb(
        entry(lambda cfg: seen.append((cfg.epochs, cfg.loss.max_m))),
        "--config-dir",
        str(mine),
        "experiment=short",
    )
    assert end.code == 0
    assert seen == [(2, 0.5)]
    assert_one_sentence(imb(train.main, "--config-dir", str(mine), "experiment=shirt"), "did you mean 'short'?")


@pytest.mark.parametrize("name", ["parallel", "joblib"])
def test_a_launcher_whose_plugin_is_missing_says_how_to_install_it(imb, monkeypatch, name):
    monkeypatch.delitem(ConfigStore.instance().repo["hydra"]["launcher"], "joblib.yaml", raising=False)
    end = imb(entry(do_nothing), "-m", f"hydra/launcher={name}", "seed=0,1")
    assert_one_sentence(end, "hydra/launcher/joblib", "pip install -e '.[joblib]'")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "defaults:\n  - override /losss: ldam\n",
            ["'losss'", "did you mean 'loss'?", "experiment/bad.yaml"],
        ),
        ("defaults:\n  - override /loss: ldma\n", ["'ldma'", "did you mean 'ldam'?"]),
        ("epochs: [1\n", ["bad.yaml", "line 2"]),
    ],
)
def test_a_mistake_in_a_config_of_ones_own_is_one_sentence(imb, tmp_path, body, words):
    write(tmp_path / "mine" / "experiment", "bad", f"# @package _global_\n{body}")
    assert_one_sentence(imb(train.main, "--config-dir", str(tmp_path / "mine"), "experiment=bad"), *words)


def test_a_folder_of_configs_that_does_not_exist_is_one_sentence(imb):
    assert_one_sentence(imb(train.main, "--config-dir", "nowhere"), "nowhere", "not found")


def test_flags_that_exclude_each_other_are_one_sentence(imb):
    assert_one_sentence(imb(train.main, "--cfg", "job", "-m"), "Only one of")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("hydra.run.dir=logs/method=eos,ratio=10/seed=0", "logs/method=eos,ratio=10/seed=0"),
        ("hydra.run.dir=it's/seed=0", "it's/seed=0"),
        ("hydra.run.dir='logs/seed=0'", "logs/seed=0"),
        ("hydra.run.dir=logs/plain", "logs/plain"),
    ],
)
def test_folders_of_a_sweep_can_be_typed_as_they_are(typed, meant):
    parsed = OverridesParser.create().parse_overrides([quoted(typed)])
    assert parsed[0].value() == meant


@pytest.mark.parametrize(
    "argument", ["seed=0,1", "--cfg=job", "rows=[a,b]", "-m", "x={a:1}", "seed=range(0,3)", "~sweep"]
)
def test_other_arguments_stay_as_they_are(argument):
    assert quoted(argument) == argument
