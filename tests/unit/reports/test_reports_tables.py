"""The tables: of one run, of many, and how they are rendered."""

import csv
import io

import numpy as np
import pytest
from rich.console import Console

from lightning_imb.reports.collect import collect
from lightning_imb.reports.comparison import compare, leaders
from lightning_imb.reports.grid import Grid, to_markdown, to_rich
from lightning_imb.reports.tables import (
    comparison_csv,
    comparison_grid,
    per_class_grid,
    run_grid,
    run_table,
)

BACC = ["test/bacc"]


def shown(table, width=200):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(table)
    return console.file.getvalue()


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
    found = leaders(comparison.rows, "test/bacc", "clear")
    assert [comparison.rows[i].labels[0] for i in found] == ([best] if best else [])
    assert to_markdown(comparison_grid(comparison)).count("**0.6") == (1 if best else 0)


def test_of_a_loss_the_lowest_is_the_best(make_run, sweep):
    for method, loss in {"erm": 0.2, "eos": 0.9}.items():
        for seed in (0, 1):
            make_run(f"{method}/{seed}", method=method, seed=seed, test__loss=loss + seed / 1000)
    comparison = compare(collect(sweep), "method", ["test/loss"])
    assert [comparison.rows[i].labels for i in leaders(comparison.rows, "test/loss", "clear")] == [("erm",)]


def test_nobody_leads_over_rows_of_other_data_or_another_protocol(make_run, sweep):
    """Ratio 10 is easier than 100, the paper's protocol kinder than a holdout: neither is a method's merit."""
    for method, gain in {"erm": 0.0, "eos": 0.1}.items():
        for ratio, protocol, bacc in ((10, "holdout", 0.8), (100, "holdout", 0.4), (100, "paper", 0.6)):
            counts, chosen = (1000, 1000 // ratio), {"imbalance": {"ratio": ratio}, "protocol": {"name": protocol}}
            name = f"{method}{ratio}{protocol}"
            make_run(name, method=method, bacc=bacc + gain, counts=counts, protocol=protocol, settings=chosen)
    comparison = compare(collect(sweep), ["method", "imbalance.ratio", "protocol"], BACC)
    grid = comparison_grid(comparison, "mean")
    assert {grid.rows[i][0] for i, _ in grid.bold} == {"eos"}
    assert len(grid.bold) == 3  # of each of three data and protocols
    assert "among rows of the same protocol and data" in grid.caption


def test_missing_scores_are_shown_as_missing(make_run, sweep):
    make_run("a/0", method="a", seed=0, represent__test__bacc=0.25, test__recall=[0.5, None])
    make_run("a/1", method="a", seed=1, represent__test__bacc=None, test__recall=[1.0, None])
    make_run("b/0", method="b", seed=0)
    comparison = compare(collect(sweep), "method", ["test/bacc", "represent/test/bacc", "test/none"])
    assert comparison.metrics == ("test/bacc", "represent/test/bacc")
    assert [row[3] for row in comparison_grid(comparison).rows] == ["0.250 ± n/a (n=1)", "–"]
    recalls = per_class_grid(comparison)
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


def test_closing_table_has_a_column_for_each_ranking_of_classes(make_run):
    run = make_run(
        "a",
        represent__test__recall=[1.0, 0.0],
        represent__test__class_auroc=[0.1, 0.2],  # of the final model alone
        test__recall=[0.9, None],
        test__auroc=0.75,
        test__class_auroc=[0.75, None],
        test__class_ap=[0.5, None],
    )
    grid = run_grid(run.read_metrics())
    assert grid.header[2:] == ("phase 1", "final", "AUROC", "AP")
    assert grid.rows == (
        ("c0", "40", "1.000", "0.900", "0.750", "0.500"),
        ("c1", "4", "0.000", "–", "–", "–"),
        ("bacc", "", "–", "0.500", "", ""),
        ("auroc", "", "–", "0.750", "", ""),
    )
    assert grid.caption == "test set; AUROC and AP: a class against the rest, final model"


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


def test_the_closing_table_has_calibration_and_leaves_the_shifts_to_their_figure():
    metrics = {
        "method": "erm",
        "seed": 0,
        "protocol": "p",
        "class_counts": {"train": [2, 1]},
        "class_names": ["a", "b"],
    }
    metrics |= {"test/recall": [1.0, 0.5], "test/bacc": 0.75, "test/ece": 0.1, "test/mce": 0.4}
    metrics |= {"test/prior_shift/uniform": 0.75, "test/reliability": [[3, 0.5, 0.5]]}
    assert [row[0] for row in run_grid(metrics).rows] == ["a", "b", "bacc", "ece", "mce"]


@pytest.mark.parametrize("name", ["test/ece", "test/mce"])
def test_the_smallest_calibration_error_is_the_best_of_its_column(make_run, sweep, name):
    for method, value in (("erm", 0.2), ("eos", 0.1)):
        for seed in range(2):
            key = name.replace("/", "__")
            make_run(f"{method}/{seed}", method=method, seed=seed, **{key: value + seed / 1000})
    rows = compare(collect(sweep), "method", [name]).rows
    assert [rows[i].labels for i in leaders(rows, name, "clear")] == [("eos",)]
