"""imb-analyze: each analysis once, all others in spite of one that cannot be done, comparisons over a sweep."""

import json
import shutil
from dataclasses import dataclass
from typing import ClassVar

import pytest
from helpers.runs import composed
from helpers.studies import Counting, finished
from rich.console import Console

from lightning_imb.inspection import Inspection, inspect_runs
from lightning_imb.studies.study import Study
from lightning_imb.studies.subject import Subject
from lightning_imb.utils.errors import InputError


@dataclass(frozen=True)
class Refusing(Study):
    name: ClassVar[str] = "refusing"
    title: ClassVar[str] = "Refusing"

    def look(self, subject):
        raise InputError("this run has nothing to refuse: train another")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two methods, two seeds of one of them, in the folder of a sweep."""
    folder = tmp_path_factory.mktemp("sweep")
    finished(folder / "eos0", "method=eos")
    finished(folder / "eos1", "method=eos", "seed=1")
    finished(folder / "erm0", "method=erm")
    return folder


@pytest.fixture
def sweep(runs, tmp_path):
    return shutil.copytree(runs, tmp_path / "sweep")


@pytest.fixture(autouse=True)
def forget_who_asked():
    Counting.asked.clear()


def inspection(*studies, force=False):
    return Inspection(studies, force, Console(quiet=True))


def opened(folder):
    subject = Subject.open(folder)
    subject.quiet = True
    return subject


def analysed(**settings):
    cfg = composed(*(f"{key}={value}" for key, value in settings.items()), config="analyze")
    inspect_runs(cfg)


def test_what_is_there_is_not_computed_again(sweep):
    first = inspection(Counting(1)).of_run(opened(sweep / "erm0"))
    again = inspection(Counting(1)).of_run(opened(sweep / "erm0"))
    assert Counting.asked == ["erm, seed 0"]
    assert again[0].found.numbers["counting/images"] == first[0].found.numbers["counting/images"]
    inspection(Counting(1), force=True).of_run(opened(sweep / "erm0"))
    inspection(Counting(2)).of_run(opened(sweep / "erm0"))
    assert len(Counting.asked) == 3


def test_one_that_cannot_be_done_does_not_keep_the_others(sweep):
    work = inspection(Refusing(), Counting(1))
    looked = work.of_run(opened(sweep / "erm0"))
    assert [one.study.name for one in looked] == ["counting"]
    assert len(work.failures) == 1
    assert "nothing to refuse" in work.failures[0]
    assert "refusing of" in work.failures[0]


def test_runs_are_compared_once(sweep):
    for _ in range(2):
        work = inspection(Counting(1))
        subjects = [opened(sweep / name) for name in ("eos0", "erm0")]
        work.over(sweep / "analysis", subjects, [work.of_run(subject) for subject in subjects])
    assert Counting.asked.count("comparison") == 1
    result = json.loads((sweep / "analysis" / "counting" / "result.json").read_text())
    assert result["numbers"] == {"counting/runs": 2.0}


def test_a_single_run_is_compared_with_nothing(sweep):
    work = inspection(Counting(1))
    subject = opened(sweep / "erm0")
    work.over(sweep / "analysis", [subject], [work.of_run(subject)])
    assert "comparison" not in Counting.asked


def test_a_run_from_the_command_line(sweep, capsys):
    analysed(run=sweep / "eos0", analyses="[head_norms,gap]")
    for name in ("head_norms", "gap"):
        assert (sweep / "eos0" / "analysis" / name / "result.json").is_file()
        assert list((sweep / "eos0" / "analysis" / name).glob("*.png"))
        assert list((sweep / "eos0" / "analysis" / name).glob("*.svg"))
    assert "gap written to" in capsys.readouterr().out
    analysed(run=sweep / "eos0", analyses="[head_norms,gap]")
    assert "gap is there already" in capsys.readouterr().out


def test_a_sweep_from_the_command_line(sweep, capsys):
    analysed(folder=sweep, analyses="[head_norms]")
    lines = (sweep / "analysis" / "head_norms.csv").read_text().splitlines()
    assert lines[0] == "row,number,mean,std,n"
    assert any(line.startswith("eos,") and line.endswith(",2") for line in lines)
    assert any(line.startswith("erm,") and line.endswith(",1") for line in lines)
    assert "eos n=2, erm n=1" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "give either a run folder"),
        ({"run": "a", "folder": "b"}, "give either a run folder"),
        ({"run": "nowhere"}, "nowhere is not a run folder"),
        ({"folder": "nowhere"}, "There is no folder nowhere"),
        ({"run": "a", "analyses": "[gap,gapp]"}, "there is no analysis 'gapp': use all, or a list of gap, head_norms"),
        ({"run": "a", "analyses": "[]"}, "names none"),
        ({"run": "a", "batch_size": 0}, "batch_size"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_cure(settings, sentence):
    with pytest.raises(InputError, match=sentence):
        analysed(**settings)


def test_rows_that_hold_a_seed_twice_are_refused(sweep):
    shutil.copytree(sweep / "eos0", sweep / "again")
    with pytest.raises(InputError, match="share row eos and seed 0"):
        analysed(folder=sweep, analyses="[head_norms]")


def test_failures_are_told_at_the_end(sweep, monkeypatch):
    from lightning_imb.studies.head_norms import HeadNormsStudy

    def refuse(*_):
        raise InputError("no head today: come back tomorrow")

    monkeypatch.setattr(HeadNormsStudy, "look", refuse)
    with pytest.raises(InputError, match=r"no head today.*3 could not be done"):
        analysed(folder=sweep, analyses="[head_norms]")
