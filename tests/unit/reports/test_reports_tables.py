"""Collecting runs, comparing them, and the tables."""

import csv
import io

import numpy as np
import pytest
from rich.console import Console

from lightning_imb.report import report
from lightning_imb.reports.collect import collect, count_unfinished
from lightning_imb.reports.comparison import clear_best, compare
from lightning_imb.reports.grid import Grid, to_markdown, to_rich
from lightning_imb.reports.tables import (
    comparison_csv,
    comparison_grid,
    recall_grid,
    run_grid,
    run_table,
)
from lightning_imb.utils.errors import InputError

BACC = ["test/bacc"]


def shown(table, width=200):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(table)
    return console.file.getvalue()


@pytest.fixture
def sweep(tmp_path):
    return tmp_path / "sweep"


# --- collect


def test_collect_finds_finished_runs_and_counts_the_others(make_run, sweep):
    for name in ("a/0", "a/1", "b/0"):
        make_run(name, method=name[0], seed=int(name[-1]))
    make_run("b/1").metrics_file.unlink()
    hydra_copy = sweep / "a" / "0" / ".hydra"  # holds a config.yaml too and is no run
    hydra_copy.mkdir()
    (hydra_copy / "config.yaml").write_text("{}")
    (sweep / "metrics.json").write_text("{}")  # of something else: no config.yaml beside it
    records = collect(sweep)
    assert [(r.metrics["method"], r.seed) for r in records] == [("a", 0), ("a", 1), ("b", 0)]
    assert count_unfinished(sweep) == 1
    assert records[0].label("dataset") == "digits"


def test_collect_without_anything_to_show(make_run, sweep):
    with pytest.raises(InputError, match="There is no folder"):
        collect(sweep)
    make_run("a").metrics_file.unlink()
    with pytest.raises(InputError, match=r"no finished run .* \(1 unfinished\)"):
        collect(sweep)


def test_collect_names_a_file_of_another_make(make_run, sweep):
    make_run("a").metrics_file.write_text('{"seed": 0, "protocol": "x"}')
    with pytest.raises(InputError, match="lacks method, class_counts, class_names"):
        collect(sweep)


# --- compare


def test_mean_and_sample_std_over_seeds(make_run, sweep):
    values = {"erm": [0.5, 0.6, 0.75], "eos": [0.8]}
    for method, scores in values.items():
        for seed, bacc in enumerate(scores):
            make_run(f"{method}/{seed}", method=method, seed=seed, bacc=bacc)
    comparison = compare(collect(sweep), "method", BACC)
    rows = {row.labels[0]: row for row in comparison.rows}
    assert rows["erm"].n == 3
    assert rows["erm"].scores["test/bacc"].mean == pytest.approx(np.mean(values["erm"]))
    assert rows["erm"].scores["test/bacc"].std == pytest.approx(np.std(values["erm"], ddof=1))
    assert (rows["eos"].scores["test/bacc"].mean, rows["eos"].scores["test/bacc"].std) == (0.8, None)
    grid = comparison_grid(comparison)
    assert grid.header == ("method", "n", "bacc")
    assert grid.rows == (("eos", "1", "0.800 ± n/a"), ("erm", "3", "0.617 ± 0.126"))


def test_protocols_are_not_mixed(make_run, sweep):
    make_run("a", method="a")
    make_run("b", method="b", protocol="paper, last epoch")
    with pytest.raises(InputError, match="holdout, best epoch on validation; paper, last epoch"):
        compare(collect(sweep), "method", BACC)
    comparison = compare(collect(sweep), ["method", "protocol"], BACC)  # each line says which one it is
    assert [row.labels[1] for row in comparison.rows] == [
        "holdout, best epoch on validation",
        "paper, last epoch",
    ]


def test_different_data_are_not_compared_unless_the_rows_tell_them_apart(make_run, sweep):
    for ratio in (10, 100):
        for method in ("erm", "eos"):
            settings = {"imbalance": {"ratio": ratio}}
            make_run(f"{method}{ratio}", method=method, counts=(1000, 1000 // ratio), settings=settings)
    with pytest.raises(InputError, match=r"different data .*imbalance\.ratio"):
        compare(collect(sweep), "method", BACC)
    comparison = compare(collect(sweep), ["method", "imbalance.ratio"], BACC)
    assert sorted(row.labels for row in comparison.rows) == [
        ("eos", "10"),
        ("eos", "100"),
        ("erm", "10"),
        ("erm", "100"),
    ]
    assert comparison.train_counts is None
    assert {row[1] for row in recall_grid(comparison).rows} == {"differs"}


def test_a_hidden_axis_is_no_seed(make_run, sweep):
    for k in (5, 10):
        make_run(f"k{k}", method="eos", settings={"resampler": {"k": k}})
    with pytest.raises(InputError, match=r"k10 and .*k5 share row eos and seed 0 \(they differ in resampler\.k\)"):
        compare(collect(sweep), "method", BACC)
    assert len(compare(collect(sweep), ["method", "resampler.k"], BACC).rows) == 2


@pytest.mark.parametrize(
    ("setting", "refused"),
    [
        ({"epochs": 3}, True),
        ({"loss": {"gamma": 1}}, True),
        ({"threads": 1}, False),
        ({"resampler": {"random_state": 1}}, False),
    ],
)
def test_only_the_seed_may_differ_within_a_row(make_run, sweep, setting, refused):
    make_run("a", seed=0)
    make_run("b", seed=1, settings=setting)
    records = collect(sweep)
    if not refused:
        assert compare(records, "method", ["test/bacc"]).rows[0].n == 2
        return
    with pytest.raises(InputError, match=next(iter(setting))):
        compare(records, "method", ["test/bacc"])


def test_an_unknown_row_key_is_named(make_run, sweep):
    make_run("a")
    with pytest.raises(InputError, match=r"no setting 'resampler\.q'"):
        compare(collect(sweep), "resampler.q", BACC)


@pytest.mark.parametrize(
    ("erm", "eos", "best"),
    [
        ([0.50, 0.52], [0.60, 0.62], "eos"),  # gap 0.1, noise 0.014 + 0.014
        ([0.50, 0.60], [0.56, 0.66], None),  # gap 0.06, noise 0.07 + 0.07
        ([0.50, 0.52], [0.90], None),  # noise of the leader unknown
        ([0.50, 0.52], [], None),  # nothing to compare with
    ],
)
def test_the_best_is_stressed_only_when_clear(make_run, sweep, erm, eos, best):
    for method, values in {"erm": erm, "eos": eos}.items():
        for seed, bacc in enumerate(values):
            make_run(f"{method}/{seed}", method=method, seed=seed, bacc=bacc)
    comparison = compare(collect(sweep), "method", BACC)
    i = clear_best(comparison, "test/bacc")
    assert (None if i is None else comparison.rows[i].labels[0]) == best
    assert to_markdown(comparison_grid(comparison)).count("**0.6") == (1 if best else 0)


def test_of_a_loss_the_lowest_is_the_best(make_run, sweep):
    for method, loss in {"erm": 0.2, "eos": 0.9}.items():
        for seed in (0, 1):
            make_run(f"{method}/{seed}", method=method, seed=seed, test__loss=loss + seed / 1000)
    comparison = compare(collect(sweep), "method", ["test/loss"])
    i = clear_best(comparison, "test/loss")
    assert i is not None
    assert comparison.rows[i].labels == ("erm",)


def test_missing_scores_are_shown_as_missing(make_run, sweep):
    make_run("a/0", method="a", seed=0, represent__test__bacc=0.25, test__recall=[0.5, None])
    make_run("a/1", method="a", seed=1, represent__test__bacc=None, test__recall=[1.0, None])
    make_run("b/0", method="b", seed=0)
    comparison = compare(collect(sweep), "method", ["test/bacc", "represent/test/bacc", "test/none"])
    assert comparison.metrics == ("test/bacc", "represent/test/bacc")
    assert [row[3] for row in comparison_grid(comparison).rows] == ["0.250 ± n/a (n=1)", "–"]
    recalls = recall_grid(comparison)
    assert recalls.header == ("class", "n_train", "a (n=2)", "b (n=1)")
    assert recalls.rows == (("c0", "40", "0.750 ± 0.354", "0.500 ± n/a"), ("c1", "4", "–", "0.500 ± n/a"))


def test_choosing_on_the_test_set_is_said_loudly(make_run, sweep):
    make_run("a", protocol="paper, best epoch on TEST", selected_on="test")
    records = collect(sweep)
    for text in (
        shown(to_rich(comparison_grid(compare(records, "method", BACC)))),
        shown(run_table(records[0].metrics)),
    ):
        assert "paper, best epoch on TEST" in " ".join(text.split())
        assert "WARNING: the epoch was chosen on the TEST set" in " ".join(text.split())


# --- one run


def test_closing_table_puts_phase_1_beside_the_final_model(make_run):
    run = make_run(
        "a",
        method="eos",
        seed=3,
        bacc=0.75,
        represent__test__bacc=0.5,
        represent__test__recall=[1.0, 0.0],
        test__recall=[0.9, None],
        test__gmean=0.6,
    )
    grid = run_grid(run.read_metrics())
    assert grid.title == "eos, seed 3: holdout, best epoch on validation"
    assert grid.header[1:] == ("n_train", "phase 1", "final")
    assert grid.rows == (
        ("c0", "40", "1.000", "0.900"),
        ("c1", "4", "0.000", "–"),
        ("bacc", "", "0.500", "0.750"),
        ("gmean", "", "–", "0.600"),
    )
    assert grid.breaks == {1}
    assert grid.warning == ""


def test_closing_table_without_retraining_has_one_result_column(make_run):
    assert run_grid(make_run("a").read_metrics()).header[2:] == ("final",)


def test_closing_table_of_many_classes_shows_head_and_tail(make_run):
    counts = list(range(1, 101))
    metrics = make_run("a", counts=counts).read_metrics()
    grid = run_grid(metrics)
    names = [row[0] for row in grid.rows[:20]]
    assert names == [f"c{k}" for k in range(99, 89, -1)] + [f"c{k}" for k in range(9, -1, -1)]
    assert "80 classes" in grid.caption


# --- renderings


def test_class_names_are_no_markup(make_run):
    metrics = make_run("a").read_metrics() | {"class_names": ["[bold]", "[/x] a|b"]}
    text = shown(run_table(metrics))
    assert "[bold]" in text
    assert "[/x] a|b" in text
    assert r"[/x] a\|b" in to_markdown(run_grid(metrics))


def test_markdown_is_a_table():
    grid = Grid("T", ("a", "n"), (("x", "1"), ("y", "2")), caption="c", warning="w", bold=frozenset({(1, 1)}))
    assert to_markdown(grid) == ("**T**\n\n| a | n |\n| :-- | --: |\n| x | 1 |\n| y | **2** |\n\nc\n\n**w**\n")
    assert [line.split() for line in shown(to_rich(grid)).splitlines() if line.split()[:1] in (["x"], ["y"])] == [
        ["x", "1"],
        ["y", "2"],
    ]


@pytest.mark.parametrize("rows", [["method"], ["method", "protocol"]])
def test_csv_has_full_precision(make_run, sweep, rows):
    for seed, bacc in enumerate((1 / 3, 0.5)):
        make_run(f"{seed}", seed=seed, bacc=bacc)
    comparison = compare(collect(sweep), rows, BACC)
    (row,) = csv.DictReader(io.StringIO(comparison_csv(comparison, per_class=True)))
    assert float(row["test/bacc/mean"]) == np.mean([1 / 3, 0.5])
    assert float(row["test/bacc/std"]) == pytest.approx(np.std([1 / 3, 0.5], ddof=1), rel=1e-12)
    assert (row["n"], row["test/recall/c1/n"], row["protocol"]) == (
        "2",
        "2",
        "holdout, best epoch on validation",
    )
    assert len(row) == len(rows) + (0 if "protocol" in rows else 1) + 1 + 3 * 3
    assert "test/recall/c0/mean" not in comparison_csv(comparison, per_class=False)


@pytest.mark.parametrize(("form", "expected"), [("rich", "0.500 ± n/a"), ("markdown", "| erm | 1 |"), ("csv", "erm,")])
def test_report_prints_each_format(make_run, sweep, capsys, form, expected):
    make_run("a")
    make_run("b").metrics_file.unlink()
    report(sweep, ["method"], BACC, form, per_class=True)
    text = capsys.readouterr().out
    assert expected in text
    assert ("1 finished" in text) == (form != "csv")
    assert ("1 unfinished" in text) == (form != "csv")
    assert text.count("c1") > 0


def test_report_refuses_an_unknown_format(make_run, sweep):
    make_run("a")
    with pytest.raises(InputError, match=r"'html'.*rich, markdown, csv"):
        report(sweep, ["method"], BACC, "html", per_class=True)
