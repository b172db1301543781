"""Findings on disk: complete or not there."""

import json
import math

import pytest
from helpers.studies import Counting, opened

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
    write_kept(tmp_path / "x", Counting(1), "key", found)
    again = read_kept(tmp_path / "x", "key")
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


@pytest.mark.parametrize("lost", ["result.json", "images.csv", "nothing.png"])
def test_what_is_incomplete_or_damaged_is_not_there(tmp_path, found, lost):
    write_kept(tmp_path, Counting(1), "key", found)
    (tmp_path / lost).unlink()
    assert read_kept(tmp_path, "key") is None
    (tmp_path / "result.json").write_text("{")
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
    key = key_of_run(Counting(1), subject.run)
    assert key == key_of_run(Counting(1), subject.run)
    assert key != key_of_run(Counting(2), subject.run)
    metrics = subject.run.read_metrics()
    subject.run.write_metrics(metrics | {"test/bacc": 0.123})
    assert key != key_of_run(Counting(1), subject.run)
    subject.run.write_metrics(metrics)


def test_the_key_of_a_comparison_follows_labels_and_runs():
    keys = [key_of_sweep(Counting(1), pairs) for pairs in ([("a", "1")], [("a", "2")], [("b", "1")], [("a1", "")])]
    assert len(set(keys)) == 4
