"""imb-report as people call it."""

import csv
import io
import subprocess
import sys

import pytest

from lightning_imb.report import report
from lightning_imb.reports.request import Request
from lightning_imb.runs import RunFolder

MAIN = "from lightning_imb.report import main; main()"
AT_EXIT = "import atexit, sys; atexit.register(lambda: print({'torch', 'pytorch_lightning'} & set(sys.modules)))\n"


def call(*arguments, cwd, code=MAIN):
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)


@pytest.fixture
def cwd(tmp_path):
    folder = tmp_path / "cwd"
    folder.mkdir()
    return folder


@pytest.fixture
def three_methods(make_run, sweep):
    for m, method in enumerate(("eos", "erm", "smote")):
        for ratio in (10, 100):
            for seed in range(3):
                bacc = 0.5 + m / 10 + seed / 50 + m * seed / 100 + ratio / 1000
                settings = {"imbalance": {"ratio": ratio}}
                name, counts = f"{method}/{ratio}/{seed}", (1000, 1000 // ratio)
                make_run(name, method=method, seed=seed, bacc=bacc, counts=counts, settings=settings)
    return sweep


def test_the_table_comes_out_and_nothing_is_left_behind(make_run, sweep, cwd):
    for seed, bacc in enumerate((0.5, 0.6)):
        make_run(f"erm/seed={seed}", seed=seed, bacc=bacc)
    for key in ("sweep", "folder"):
        result = call(f"{key}={sweep}", "metrics=[test/bacc]", cwd=cwd)
        assert result.returncode == 0, result.stderr
        assert "0.550 ± 0.071" in result.stdout
        assert "2 finished runs" in result.stdout
    assert list(cwd.iterdir()) == []


def test_columns_comparison_and_diagram_in_one_command(three_methods, cwd):
    asked = ["cols=imbalance.ratio", "metric=test/bacc", "compare=true", "figures=figures", "format=markdown"]
    result = call(f"sweep={three_methods}", *asked, cwd=cwd)
    assert result.returncode == 0, result.stderr
    for words in (
        "| method | imbalance.ratio=10 | imbalance.ratio=100 |",
        "6 blocks, told apart by seed (3) and imbalance.ratio (2)",
        "| eos | erm | 6 |",
        "Friedman",
        "18 finished runs",
    ):
        assert words in result.stdout
    assert sorted(file.name for file in (cwd / "figures").iterdir()) == [
        "critical_difference.png",
        "critical_difference.svg",
    ]


@pytest.mark.parametrize("kind", ["t", "bootstrap"])
def test_the_kind_of_interval_is_asked_for_on_the_command_line(three_methods, cwd, kind):
    asked = ["metric=test/bacc", "compare=true", "format=markdown", *(["interval=bootstrap"] if kind != "t" else [])]
    result = call(f"sweep={three_methods}", *asked, cwd=cwd)
    assert result.returncode == 0, result.stderr
    assert f"95% interval ({kind})" in result.stdout


@pytest.mark.parametrize(
    "asked",
    [
        ["format=rich", "rows=[method,imbalance.ratio]"],
        ["format=html", "rows=[method,imbalance.ratio]"],
        ["format=latex", "cols=imbalance.ratio"],
        ["format=markdown", "compare=true", "figures=figures"],
    ],
    ids=" ".join,
)
def test_no_report_loads_torch(three_methods, cwd, asked):
    result = call(f"sweep={three_methods}", *asked, cwd=cwd, code=AT_EXIT + MAIN)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "set()"


def test_a_report_is_written_to_a_file(three_methods, cwd):
    asked = ["cols=imbalance.ratio", "format=latex", "out=tables/main.tex"]
    result = call(f"sweep={three_methods}", *asked, cwd=cwd)
    assert result.stdout.strip() == "tables/main.tex", result.stderr
    assert r"\toprule" in (cwd / "tables" / "main.tex").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["sweep=nowhere"], "There is no folder"),
        (["sweep=.", "compare=method"], "compare=method is neither true nor false"),
        (["sweep=.", "per_class=off"], "per_class is 'off'; give true or false"),
        (["sweep=.", "blocks=seed"], "add compare=true"),
        (["sweep=.", "interval=bca", "compare=true"], "Unknown interval=bca"),
        (["sweep=.", "format=pdf"], "Unknown format 'pdf'"),
    ],
    ids=str,
)
def test_bad_input_is_one_sentence(cwd, asked, words):
    result = call(*asked, cwd=cwd)
    assert result.returncode == 1
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("form", "expected"),
    [("rich", "0.500 ± n/a"), ("markdown", "| erm | 1 |"), ("csv", "erm,"), ("latex", r"erm & 1 & 0.500 $\pm$ n/a")],
)
def test_each_format_is_printed_with_the_number_of_runs(make_run, sweep, capsys, form, expected):
    make_run("a")
    make_run("b").metrics_file.unlink()
    report(Request(sweep, ("method",), ("test/bacc",), form=form))
    text = capsys.readouterr().out
    assert expected in text
    assert ("1 finished" in text) == (form != "csv")
    assert ("1 unfinished" in text) == (form != "csv")
    assert "c1" in text


@pytest.mark.parametrize("form", ["rich", "csv"])
def test_rows_without_a_finished_run_are_named(make_run, sweep, capsys, form):
    make_run("erm")
    make_run("eos", method="eos").metrics_file.unlink()
    (sweep / "refused").mkdir()
    (sweep / "refused" / "launches.json").write_text('{"launches": []}')
    report(Request(sweep, ("method",), ("test/bacc",), cols=("dataset",), form=form))
    said = capsys.readouterr()
    text = said.err if form == "csv" else said.out
    assert "2 unfinished (eos digits: 1, of unknown rows: 1)" in text
    assert "cells are there" not in said.out
    assert form != "csv" or "unfinished" not in said.out


def test_html_is_one_file_in_the_folder_unless_told(make_run, add_files, sweep, tmp_path, capsys):
    add_files(make_run("a"))
    for out in (None, tmp_path / "else" / "where.html"):
        report(Request(sweep, ("method",), ("test/bacc",), form="html", out=out))
        file = out or sweep / "report.html"
        assert capsys.readouterr().out.strip() == str(file)
        assert "<table" in file.read_text(encoding="utf-8")


def test_many_runs_are_read_once_each(make_run, sweep, capsys, monkeypatch):
    for seed in range(60):
        for method in ("erm", "eos"):
            make_run(f"{method}/{seed}", method=method, seed=seed, bacc=seed / 100 + (method == "eos") / 7)
    read = []
    plain = RunFolder.read_config
    monkeypatch.setattr(RunFolder, "read_config", lambda run: read.append(run.path) or plain(run))
    report(Request(sweep, ("method",), ("test/bacc",), compare=True, form="csv"))
    (line,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert line["blocks"] == "60"
    assert len(read) == len(set(read)) == 120
    report(Request(sweep, ("method",), ("test/bacc",)))
    assert "and 95 more" in capsys.readouterr().out


def test_some_rows_are_kept_on_the_command_line(make_whole_run, sweep, cwd):
    for method in ("erm", "eos", "smote"):
        make_whole_run(f"{method}/0", method=method)
    asked = ["metric=test/bacc", "only={method:[erm,eos]}", "keep=kept", "format=markdown"]
    result = call(f"sweep={sweep}", *asked, cwd=cwd)
    assert result.returncode == 0, result.stderr
    assert "smote" not in result.stdout
    assert sorted(path.name for path in (cwd / "kept").iterdir()) == ["method=eos.json", "method=erm.json"]


def test_a_choice_of_runs_that_names_no_key_is_refused(make_run, sweep, cwd):
    make_run("erm/0")
    result = call(f"sweep={sweep}", "only=erm", cwd=cwd)
    assert result.returncode == 1
    assert result.stderr.startswith("error: only=erm names no key")
