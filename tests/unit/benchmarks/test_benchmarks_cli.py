import json

import pytest

from benchmarks import __main__ as command_line
from benchmarks.case import BenchmarkError, Pair, Side
from benchmarks.cases import case_names, load_case
from benchmarks.compare import Result
from benchmarks.table import TOY, Report, as_json, markdown, rows, write_report
from benchmarks.timing import Sample


def refused(*arguments):
    with pytest.raises(SystemExit) as ended:
        command_line.main(arguments)
    sentence = str(ended.value)
    assert sentence.startswith("error: ")
    assert "\n" not in sentence
    return sentence


def test_the_list_names_every_case_and_marks_those_opt_in(capsys):
    command_line.main(["--list"])
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in shown] == case_names()
    assert [line.split()[0] for line in shown if "(opt-in)" in line] == ["analyses", "imagenet_lt"]


def test_an_unknown_case_is_refused_with_the_known_ones():
    sentence = refused("train_epoch_bets")
    assert "train_epoch_bets" in sentence
    assert "train_epoch_best" in sentence


def test_bad_numbers_and_absent_files_are_refused(tmp_path):
    assert "--repeats 0" in refused("eos", "--repeats", "0")
    assert "--threads -1" in refused("eos", "--threads", "-1")
    assert "absent.zip" in refused("eos", "--data", str(tmp_path / "absent.zip"))


def test_cases_that_are_opt_in_run_only_when_named():
    assert "imagenet_lt" not in command_line.chosen_cases([])
    assert list(command_line.chosen_cases(["imagenet_lt", "eos"])) == ["imagenet_lt", "eos"]


def test_images_come_from_the_zip_given_else_from_the_known_folder_else_at_random(tmp_path, monkeypatch):
    given, known = tmp_path / "mine.zip", tmp_path / "data" / "cifar10.zip"
    known.parent.mkdir()
    for file in (given, known):
        file.touch()
    monkeypatch.setenv("IMB_DATA", str(known.parent))
    assert command_line.chosen_archive(given) == given
    assert command_line.chosen_archive(None) == known
    monkeypatch.delenv("IMB_DATA")
    monkeypatch.chdir(known.parent)  # a zip that merely lies here is not meant
    assert command_line.chosen_archive(None) is None


def test_without_opt_in_cases_a_name_is_looked_up_by_its_module():
    with pytest.raises(BenchmarkError, match="choose among analyses, classes, comparison"):
        load_case("_private")


def idle(turn, settings):
    raise AssertionError("not run here")


def report(quick=False, **pair):
    samples = [Sample(2.0, 4.0, 1.0, {"workers": 0}), Sample(3.0, 4.0, 1.0, {"workers": 2})]
    ours = [Sample(1.0, 1.0, 1.0, {}), Sample(1.0, 1.0, 1.0, {})]
    made = Result("case", Pair("an epoch", Side("theirs", idle), Side("ours", idle), **pair), samples, ours)
    return Report(
        {"cpu": "some", "versions": {"torch": "2"}}, "random images", "cmd", quick, [made], {"case": ["20 x"]}
    )


def test_the_table_shows_medians_spread_target_and_rounds():
    (row,) = rows(report(target=2.0).results, quick=False)
    assert row[0] == "an epoch"
    assert row[1] == "theirs: 2.5 s"
    assert row[3] == "2.5 × faster (2 to 3)"
    assert row[4] == "4 × faster (4 to 4)"
    assert row[5] == "≥ 2 ×: reached"
    assert row[6] == "2"
    (row,) = rows(report(kind="overhead", target=0.1, limit_s=5).results, quick=False)
    assert "× the cost" in row[3]
    assert row[5] == "≤ 0.1 ×, ≤ 5 s: MISSED"


def test_markdown_says_where_and_how_and_what_is_computed():
    text = markdown(report(note="as published"))
    for words in ("`cmd` on random images", "theirs: workers 2", "as published", "case: 20 x", "cpu: some", "torch 2"):
        assert words in text
    assert TOY not in text


def test_toy_figures_are_called_toys_and_judged_by_nothing():
    text = markdown(report(quick=True, target=2.0))
    assert TOY in text
    assert "reached" not in text


def test_files_hold_every_sample(tmp_path):
    made = report(target=2.0)
    written, page = write_report(made, tmp_path / "new" / "folder", "stem")
    told = json.loads(written.read_text())
    assert told == json.loads(json.dumps(as_json(made)))
    (found,) = told["results"]
    assert [sample["wall_s"] for sample in found["baseline"]["samples"]] == [2.0, 3.0]
    assert found["ratio_wall"] == {"median": 2.5, "low": 2.0, "high": 3.0}
    assert found["reached"] is True
    assert page.read_text() == markdown(made)
