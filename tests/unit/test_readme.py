"""What the README says must be true: commands compose, targets and files exist, snippets run."""

import re
from pathlib import Path

import pytest
from helpers.documents import CONF, blocks, check_composes, commands_of

from lightning_imb.utils.catalogue import renewed

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SNIPPETS = [block.text for block in blocks(README) if block.language == "python"]


def of_program(pattern):
    found = [words for words in commands_of(README) if re.fullmatch(pattern, words[0])]
    return pytest.mark.parametrize("words", found, ids=[" ".join(words) for words in found])


@of_program("imb-.*")
def test_command_composes(words):
    check_composes(words)


@of_program("make")
def test_make_target_exists(words):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in words[1:]:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_snippet_runs(number, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(SNIPPETS[number], f"README snippet {number}", "exec"), {"__name__": "__main__"})


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
    programs = {words[0] for words in commands_of(README)}
    assert {"imb-train", "imb-eval", "imb-predict", "imb-report", "imb-analyze", "make"} <= programs
    assert SNIPPETS
