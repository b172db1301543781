"""One score as rows by columns."""

import csv
import io

import numpy as np
import pytest

from lightning_imb.reports.collect import collect
from lightning_imb.reports.grid import to_markdown
from lightning_imb.reports.pivot import by_value, pivot
from lightning_imb.reports.tables import pivot_csv, pivot_grid
from lightning_imb.utils.errors import InputError

SCORES = {
    ("erm", 10): [0.50, 0.52, 0.54],
    ("erm", 100): [0.40],
    ("eos", 10): [0.70, 0.72, 0.74],
    ("eos", 9): [0.90, 0.91, 0.92],
}


@pytest.fixture
def records(make_run, sweep):
    for (method, ratio), values in SCORES.items():
        for seed, bacc in enumerate(values):
            settings = {"imbalance": {"ratio": ratio}}
            make_run(f"{method}{ratio}/{seed}", method=method, seed=seed, bacc=bacc, settings=settings)
    return collect(sweep)


@pytest.fixture
def table(records):
    return pivot(records, ["method"], ["imbalance.ratio"], "test/bacc")


def test_cells_hold_mean_std_and_number_of_seeds(table):
    grid = pivot_grid(table)
    assert grid.header == ("method", "imbalance.ratio=9", "imbalance.ratio=10", "imbalance.ratio=100")
    assert grid.rows == (
        ("eos", "0.910 ± 0.010 (3)", "0.720 ± 0.020 (3)", "missing"),
        ("erm", "missing", "0.520 ± 0.020 (3)", "0.400 ± n/a (1)"),
    )


def test_the_caption_counts_what_is_missing_and_says_what_is_unequal(table, make_run, sweep):
    caption = pivot_grid(table).caption
    assert "test set; protocol: holdout, best epoch on validation" in caption
    assert "2 of 6 cells are missing" in caption
    assert "unequal numbers of seeds, from 1 to 3: fewer have erm 100" in caption


def test_a_full_table_of_equal_seeds_says_so_in_few_words(make_run, sweep):
    for seed in (0, 1):
        make_run(str(seed), seed=seed, settings={"imbalance": {"ratio": 10}})
    caption = pivot_grid(pivot(collect(sweep), ["method"], ["imbalance.ratio"], "test/bacc")).caption
    assert "all 1 cells are there" in caption
    assert "seeds," not in caption


def test_nothing_is_called_complete_while_runs_are_unfinished(make_run, sweep):
    make_run("a", settings={"imbalance": {"ratio": 10}})
    caption = pivot_grid(pivot(collect(sweep), ["method"], ["imbalance.ratio"], "test/bacc"), unfinished=2).caption
    assert "cells are there" not in caption
    assert "2 unfinished runs are not in the table" in caption


def test_equal_numbers_of_other_seeds_are_not_called_equal(make_run, sweep):
    for method, seed in {"erm": 0, "eos": 1}.items():
        make_run(method, method=method, seed=seed)
    caption = pivot_grid(pivot(collect(sweep), ["method"], ["dataset"], "test/bacc")).caption
    assert "not all have the same seeds" in caption


@pytest.mark.parametrize(("best", "stressed"), [("clear", {(0, 2)}), ("mean", {(0, 2)}), ("none", set())])
def test_the_best_of_each_column_is_stressed(table, best, stressed):
    grid = pivot_grid(table, best)
    assert grid.bold == stressed
    assert ("bold:" in grid.caption) == bool(stressed)
    assert to_markdown(grid).count("**0.720 ± 0.020 (3)**") == len(stressed)


def test_a_narrow_lead_is_the_best_mean_and_not_clear(make_run, sweep):
    for method, values in {"erm": (0.5, 0.6), "eos": (0.56, 0.66)}.items():
        for seed, bacc in enumerate(values):
            make_run(f"{method}/{seed}", method=method, seed=seed, bacc=bacc)
    table = pivot(collect(sweep), ["method"], ["dataset"], "test/bacc")
    assert pivot_grid(table, "clear").bold == set()
    assert pivot_grid(table, "mean").bold == {(0, 1)}


def test_a_column_has_no_best_over_other_data(make_run, sweep):
    for ratio, bacc in ((10, 0.8), (100, 0.4)):
        for method, gain in {"erm": 0.0, "eos": 0.1}.items():
            counts, settings = (1000, 1000 // ratio), {"imbalance": {"ratio": ratio}}
            make_run(f"{method}{ratio}", method=method, bacc=bacc + gain, counts=counts, settings=settings)
    records = collect(sweep)
    assert pivot_grid(pivot(records, ["imbalance.ratio"], ["method"], "test/bacc"), "mean").bold == set()
    table = pivot(records, ["method", "imbalance.ratio"], ["dataset"], "test/bacc")
    assert [table.rows[i][0] for i, _ in pivot_grid(table, "mean").bold] == ["eos", "eos"]


def test_csv_has_full_precision_and_empty_fields_for_what_is_missing(table):
    erm = list(csv.DictReader(io.StringIO(pivot_csv(table))))[1]
    assert erm["method"] == "erm"
    assert erm["protocol"] == "holdout, best epoch on validation"
    assert float(erm["imbalance.ratio=10/mean"]) == pytest.approx(np.mean(SCORES["erm", 10]), rel=1e-12)
    assert float(erm["imbalance.ratio=10/std"]) == pytest.approx(np.std(SCORES["erm", 10], ddof=1), rel=1e-12)
    assert [erm[f"imbalance.ratio=9/{part}"] for part in ("mean", "std", "n")] == ["", "", "0"]


def test_several_keys_make_rows_and_columns(make_run, sweep):
    for k in (5, 10):
        for ratio in (10, 100):
            settings = {"resampler": {"k": k}, "imbalance": {"ratio": ratio}, "dataset": {"name": "digits"}}
            make_run(f"{k}{ratio}", settings=settings)
    table = pivot(collect(sweep), ["method", "resampler.k"], ["dataset", "imbalance.ratio"], "test/bacc")
    grid = pivot_grid(table)
    heads = ("dataset=digits imbalance.ratio=10", "dataset=digits imbalance.ratio=100")
    assert grid.header == ("method", "resampler.k", *heads)
    assert {row[:2] for row in grid.rows} == {("erm", "5"), ("erm", "10")}
    assert table.missing == 0


def test_protocols_are_mixed_only_side_by_side(make_run, sweep):
    make_run("a")
    make_run("b", protocol="paper, last epoch")
    with pytest.raises(InputError, match="chose their epoch in different ways"):
        pivot(collect(sweep), ["method"], ["dataset"], "test/bacc")
    assert len(pivot(collect(sweep), ["method"], ["protocol"], "test/bacc").cols) == 2


def test_a_key_cannot_be_row_and_column(records):
    with pytest.raises(InputError, match="method cannot make both"):
        pivot(records, ["method"], ["method"], "test/bacc")


def test_labels_sort_by_value_and_words_after_numbers():
    assert sorted(["100", "9", "exp", "1e1", "abc"], key=by_value) == ["9", "1e1", "100", "abc", "exp"]


def test_scores_of_the_validation_set_are_not_said_to_be_of_the_test_set(make_run, sweep):
    make_run("a", val__bacc=0.5)
    caption = pivot_grid(pivot(collect(sweep), ["method"], ["dataset"], "val/bacc")).caption
    assert caption.startswith("validation set;")
