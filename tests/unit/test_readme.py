"""What the README says must be true: commands compose, targets and files exist, snippets run."""

import re
import shlex
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module

from lightning_imb.utils.catalogue import renewed

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONF = ROOT / "conf"
GROUPS = sorted(folder.name for folder in CONF.iterdir() if folder.is_dir())


def blocks(language):
    """Contents of the fenced code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def commands():
    """Every command line of the bash blocks: continuations joined, comments taken off."""
    lines = "\n".join(blocks("bash")).replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def of_program(pattern):
    found = [words for words in commands() if re.fullmatch(pattern, words[0])]
    return pytest.mark.parametrize("words", found, ids=[" ".join(words) for words in found])


def first_value(override):
    """``seed=0,1`` becomes ``seed=0``, ``method=glob(*)`` some method; commas inside brackets do not separate."""
    key, _, value = override.partition("=")
    if value.startswith("glob("):
        value = next(path.stem for path in sorted((CONF / key).glob("*.yaml")))
    return f"{key}={re.split(r',(?![^[{(]*[]})])', value)[0]}"


@of_program("imb-.*")
def test_command_composes(words):
    program, sweeping = words[0].removeprefix("imb-"), "-m" in words
    overrides = [word for word in words[1:] if "=" in word and not word.startswith("-")]
    if program in ("report", "analyze"):  # the entry point itself translates this word, a config group has that name
        overrides = [re.sub("^sweep=", "folder=", word) for word in overrides]
    if sweeping:
        overrides = [first_value(word) for word in overrides]
    with initialize_config_module("lightning_imb.conf", version_base="1.3"):
        cfg = compose(program, overrides)
    for override in overrides:
        key, _, value = override.lstrip("+~").partition("=")
        if key in GROUPS and key in cfg and isinstance(cfg[key], str):
            assert cfg[key] == value


@of_program("make")
def test_make_target_exists(words):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in words[1:]:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_snippet_runs(number, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(blocks("python")[number], f"README snippet {number}", "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("document", sorted(path.name for path in ROOT.glob("*.md")))
def test_relative_links_lead_somewhere(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#\s]+)", text)
    dead = [link for link in links if not re.match(r"\w+:", link) and not (ROOT / link).exists()]
    assert dead == []


@pytest.mark.parametrize("group", ["method", "loss", "resampler", "dataset", "logger", "reweight", "imbalance"])
def test_every_option_is_named(group):
    options = {path.stem for path in (CONF / group).glob("*.yaml")}
    assert {name for name in options if not re.search(rf"[`=]{name}`", README)} == set()


def test_the_table_of_methods_is_that_of_the_files():
    assert renewed(README) == README, "make catalogue writes it anew"


def test_readme_has_what_the_other_tests_look_at():
    programs = {words[0] for words in commands()}
    assert {"imb-train", "imb-eval", "imb-predict", "imb-report", "imb-analyze", "make"} <= programs
    assert blocks("python")
