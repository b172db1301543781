"""imb-analyze: each analysis once, all others in spite of one that cannot be done, comparisons over a sweep."""

import contextlib
import json
import shutil
from dataclasses import dataclass
from typing import ClassVar

import pytest
from helpers.runs import composed
from helpers.studies import Counting, finished
from rich.console import Console

from lightning_imb.inspection import Inspection, inspect_runs
from lightning_imb.runs import RunFolder
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


def test_comparisons_of_runs_that_went_are_removed(sweep):
    everything = [opened(sweep / name) for name in ("eos0", "erm0")]
    for subjects in (everything, everything[:1]):
        work = inspection(Counting(1))
        work.over(sweep / "analysis", subjects, [work.of_run(subject) for subject in subjects])
        assert (sweep / "analysis" / "counting").is_dir() == (len(subjects) > 1)


def test_a_comparison_says_of_which_runs_it_is(sweep):
    work = inspection(Counting(1))
    subjects = [opened(sweep / name) for name in ("eos0", "erm0")]
    work.over(sweep / "analysis", subjects, [work.of_run(subject) for subject in subjects])
    assert json.loads((sweep / "analysis" / "counting" / "result.json").read_text())["runs"] == ["eos0", "erm0"]


def test_findings_under_other_settings_do_not_outlive_a_failure(sweep, monkeypatch):
    inspection(Counting(1)).of_run(opened(sweep / "erm0"))
    monkeypatch.setattr(Counting, "look", Refusing.look)
    assert inspection(Counting(2)).of_run(opened(sweep / "erm0")) == []
    assert not (sweep / "erm0" / "analysis" / "counting").exists()


def test_a_run_that_another_process_works_on_does_not_end_the_sweep(sweep, monkeypatch):
    def busy(path, waiting):
        if "erm0" in path.parts:
            waiting()
        return contextlib.nullcontext()

    monkeypatch.setattr("lightning_imb.inspection.locked", busy)
    work = inspection(Counting(1))
    looked = [work.of_run(opened(sweep / name)) for name in ("erm0", "eos0")]
    assert [len(of_run) for of_run in looked] == [0, 1]
    assert "another process is writing" in work.failures[0]


def test_a_run_that_cannot_be_opened_does_not_end_the_sweep(sweep):
    run = RunFolder(sweep / "erm0")
    cfg = run.read_config()
    del cfg.model["experts"]
    run.write_config(cfg)
    with pytest.raises(InputError, match="of an earlier lightning_imb"):
        analysed(folder=sweep, analyses="[head_norms]")
    assert (sweep / "eos1" / "analysis" / "head_norms" / "result.json").is_file()


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
        ({"run": "a", "force": "off"}, "force must be true or false, not 'off'"),
        ({"run": "a", "threads": 0}, "threads must be a whole number"),
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
