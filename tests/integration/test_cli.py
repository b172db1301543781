"""The console scripts as people call them: in a process of their own."""

import json
import re

import pytest
from helpers.commands import assert_one_sentence, script
from helpers.conf import composed, groups
from omegaconf import OmegaConf

COMMANDS = ("train", "eval", "predict", "report", "export")
SMALL = ("method=erm", "callbacks=quiet", "logger=none", "threads=1")


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What each command prints for --help, and what it then has imported."""
    folder = tmp_path_factory.mktemp("help")
    ends = {name: script(name, "--help", cwd=folder, env={"PYTHONPROFILEIMPORTTIME": "1"}) for name in COMMANDS}
    assert list(folder.iterdir()) == []
    return ends


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_a_success_and_names_the_command(shown, name):
    assert shown[name].code == 0
    assert shown[name].out.startswith(f"imb-{name}: ")
    assert f"Usage: imb-{name}" in shown[name].out


@pytest.mark.parametrize("name", COMMANDS)
def test_help_does_not_wait_for_torch(shown, name):
    imported = re.findall(r"\|\s+(\S+)$", shown[name].err, re.MULTILINE)
    assert "hydra" in imported
    assert {"torch", "pytorch_lightning", "torchvision", "numpy", "matplotlib"}.isdisjoint(imported)


@pytest.mark.parametrize("group", groups())
def test_help_lists_every_group_with_all_its_options(shown, group):
    assert f"\n{group}: {', '.join(sorted(groups()[group]))}\n" in shown["train"].out


@pytest.mark.parametrize("name", COMMANDS[1:])
def test_help_of_the_others_lists_the_groups_they_take(shown, name):
    own = [group for group in groups() if group in composed(config=name)]
    for group in own:
        assert f"{group}: {', '.join(sorted(groups()[group]))}\n" in shown[name].out
    assert bool(own) != ("no groups" in shown[name].out)
    others = [group for group in groups() if group not in own and f"\n  {group}: " in shown[name].out]
    assert not others


@pytest.mark.parametrize("name", COMMANDS)
def test_help_explains_every_key_of_the_config_with_its_default(shown, name):
    cfg = composed(config=name)
    plain = OmegaConf.to_container(cfg, resolve=False)
    listed = dict(re.findall(r"^  (\w+)(?:=(\S+))?  +\S", shown[name].out.partition("Examples:")[0], re.MULTILINE))
    expected = {key for key in plain if key not in groups()} - ({"folder"} if name == "report" else set())
    assert expected <= set(listed)
    for key, value in listed.items():
        if value:
            assert OmegaConf.create(f"value: {value}").value == plain[key], key


def test_examples_of_the_help_compose(shown):
    lines = re.findall(r"^  imb-train(.*?)(?:  .*)?$", shown["train"].out.partition("Examples:")[2], re.MULTILINE)
    assert len(lines) > 5
    for line in lines:
        words = [word for word in line.split() if "=" in word and not word.startswith("hydra.")]
        if "--config-dir" not in line:
            composed(*(re.sub(r",.*", "", word) for word in words))


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("train", ["loss=ldma"], ["did you mean 'ldam'?"]),
        ("train", ["dataset=image_folder", "hydra.run.dir=run"], ["dataset.root has no value"]),
        ("train", ["epochs=[1"], ["epochs=[1"]),
        ("train", ["hydra.run.dir=file/x"], ["cannot write to", "file/x"]),
        ("eval", ["splt=val"], ["did you mean 'split'?"]),
        ("eval", [], ["run has no value"]),
        ("predict", ["run=nowhere"], ["input has no value"]),
        ("report", ["sweep=nowhere"], ["nowhere"]),
        ("report", ["format=pdf", "sweep=."], ["pdf", "html", "markdown"]),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path, name, arguments, words):
    (tmp_path / "file").touch()
    end = script(name, *arguments, cwd=tmp_path)
    assert_one_sentence(end, *words)
    left = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")} - {"file"}
    assert left <= {"run"}
    assert {p.name for p in tmp_path.glob("run/*")} <= {".hydra", "train.log", "launches.json", ".launches.lock"}


def write_experiment(folder):
    (folder / "experiment").mkdir(parents=True)
    text = "# @package _global_\ndefaults:\n  - override /loss: focal\nepochs: 1\nloss:\n  gamma: 0.5\n"
    (folder / "experiment" / "mine.yaml").write_text(text)


def test_a_sweep_with_a_bad_cell_and_a_config_of_ones_own(console, tmp_path):
    write_experiment(tmp_path / "conf")
    end = console.script(
        *("train", "-m", "--config-dir", "conf", "experiment=mine", *SMALL),
        *("epochs=0,1", "hydra.sweep.dir=sweep", "hydra.sweep.subdir=${epochs}"),
        cwd=tmp_path,
        accidents=[("without_figures",)],
    )
    assert end.code == 1
    assert "Traceback" not in end.err + end.out
    assert end.err.strip().splitlines()[-1].startswith("error: 1 of the sweep's runs failed, the first because epochs")
    assert not (tmp_path / "sweep/0/metrics.json").exists()
    assert "epochs" in (tmp_path / "sweep/0/train.log").read_text()
    assert json.loads((tmp_path / "sweep/1/metrics.json").read_text())["test/bacc"] > 0
    assert OmegaConf.load(tmp_path / "sweep/1/config.yaml").loss.gamma == 0.5
