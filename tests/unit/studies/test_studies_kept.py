"""Findings on disk: complete or not there."""

import json
import math
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
from helpers.studies import Counting, opened

from lightning_imb.reports.style import new_figure
from lightning_imb.runs import RunFolder
from lightning_imb.studies import kept
from lightning_imb.studies.findings import Findings
from lightning_imb.studies.kept import key_of_run, key_of_sweep, read_kept, write_kept


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    return opened(tmp_path_factory.mktemp("run"), "method=erm")


@pytest.fixture
def found(subject):
    return Counting(1).look(subject)


def test_what_was_written_is_read_back(tmp_path, found):
    again = write_kept(tmp_path / "x", Counting(1), "key", found)
    assert read_kept(tmp_path / "x", "key").tables["images"].equals(again.tables["images"])
    assert not again.figures  # they are large, and on disk
    assert again.numbers["counting/images"] == found.numbers["counting/images"]
    assert math.isnan(again.numbers["counting/none"])
    assert again.tables["images"].equals(found.tables["images"])
    assert again.remarks == ("a remark",)
    files = {path.name for path in (tmp_path / "x").iterdir()}
    assert files == {"result.json", "images.csv", "nothing.png", "nothing.svg"}
    result = json.loads((tmp_path / "x" / "result.json").read_text())
    assert result["settings"] == {"factor": 1}
    assert result["captions"] == {"nothing": "An empty figure."}
    assert "$a class" in (tmp_path / "x" / "nothing.svg").read_text()


@pytest.mark.parametrize("lost", ["result.json", "images.csv", "nothing.png", "nothing.svg"])
def test_what_is_incomplete_or_damaged_is_not_there(tmp_path, found, lost):
    write_kept(tmp_path, Counting(1), "key", found)
    (tmp_path / lost).unlink()
    assert read_kept(tmp_path, "key") is None
    for text in ("{", "[]", '{"key": "key", "tables": [], "captions": {}, "remarks": [], "numbers": []}'):
        (tmp_path / "result.json").write_text(text)
        assert read_kept(tmp_path, "key") is None


def test_another_key_is_another_result(tmp_path, found):
    write_kept(tmp_path, Counting(1), "key", found)
    assert read_kept(tmp_path, "other") is None


def test_a_death_while_writing_leaves_nothing_that_counts(tmp_path, found, monkeypatch):
    write_kept(tmp_path, Counting(1), "key", found)

    def die(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(kept, "write_json_atomic", die)
    with pytest.raises(KeyboardInterrupt):
        write_kept(tmp_path, Counting(1), "key", found)
    assert read_kept(tmp_path, "key") is None


def test_files_of_an_earlier_version_go(tmp_path, found):
    write_kept(tmp_path, Counting(1), "key", found)
    write_kept(tmp_path, Counting(1), "key", Findings(numbers=found.numbers))
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_the_key_follows_settings_and_run(subject):
    key = key_of_run(Counting(1), subject)
    assert key == key_of_run(Counting(1), subject)
    assert key != key_of_run(Counting(2), subject)
    metrics = subject.run.read_metrics()
    subject.run.write_metrics(metrics | {"test/bacc": 0.123})
    assert key != key_of_run(Counting(1), subject)
    subject.run.write_metrics(metrics)


@dataclass(frozen=True)
class Marked(Counting):
    reads_regions: ClassVar[bool] = True


@dataclass(frozen=True)
class Reading(Counting):
    other: str = ""

    def reads_also(self):
        return (RunFolder(self.other),)


def test_the_key_follows_regions_where_findings_do(subject, monkeypatch):
    before = [key_of_run(kind(1), subject) for kind in (Counting, Marked)]
    monkeypatch.setattr(subject, "regions_fingerprint", lambda: "other masks")
    after = [key_of_run(kind(1), subject) for kind in (Counting, Marked)]
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_the_key_follows_the_other_runs_that_findings_read(subject, tmp_path):
    other = RunFolder(tmp_path)
    other.write_metrics({"test/bacc": 0.5})
    before = key_of_run(Reading(1, str(tmp_path)), subject)
    other.write_metrics({"test/bacc": 0.6})
    assert key_of_run(Reading(1, str(tmp_path)), subject) != before


def test_the_key_follows_the_code(subject, monkeypatch):
    before = key_of_run(Counting(1), subject)
    monkeypatch.setattr(kept, "code_digest", lambda _: "other code")
    assert key_of_run(Counting(1), subject) != before


def test_names_that_no_font_has_are_no_flood_of_warnings(subject, found, tmp_path, recwarn):
    figure = new_figure(2, 2)
    figure.subplots().set_title("猫")
    write_kept(tmp_path, Counting(1), "key", replace(found, figures={"cat": figure}))
    assert not [one for one in recwarn if "Glyph" in str(one.message)]


def test_the_key_of_a_comparison_follows_labels_and_runs():
    keys = [key_of_sweep(Counting(1), pairs) for pairs in ([("a", "1")], [("a", "2")], [("b", "1")], [("a1", "")])]
    assert len(set(keys)) == 4
