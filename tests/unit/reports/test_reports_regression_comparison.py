"""Runs of regressions as rows: laws of targets, seeds that draw their own data, bins, yardsticks."""

import csv
import io

import numpy as np
import pytest
from helpers.regression_runs import record

from lightning_imb.reports.blocks import arrange
from lightning_imb.reports.comparison import compare, leaders
from lightning_imb.reports.paired import compare_pairs
from lightning_imb.reports.paired_tables import pairs_grid
from lightning_imb.reports.regression.yardsticks import yardsticks
from lightning_imb.reports.tables import comparison_csv, comparison_grid, per_class_grid
from lightning_imb.reports.task import task_of
from lightning_imb.utils.errors import InputError

MSE = ["test/mse"]
BOTH = ("imbalance", "method")


def study(methods=("reg_mse",), laws=("uniform", "missing"), seeds=3):
    return [
        record(law, seed, method, mse=i + m + seed / 100, bin_mse=[i + seed, None], baseline__train_mean_mse=6.0 + i)
        for m, method in enumerate(methods)
        for i, law in enumerate(laws, 1)
        for seed in range(seeds)
    ]


def test_seeds_that_draw_their_own_data_repeat_one_experiment():
    """Training counts and data_seed follow the seed; what is drawn with it is what repeats differ in."""
    comparison = compare(study(laws=("uniform",)), "method", MSE)
    (row,) = comparison.rows
    assert row.n == 3
    assert comparison.train_counts == (51, 49)  # the mean of 50, 51, 52
    assert comparison.task == "regression"


def test_laws_are_rows_and_never_one_row():
    records = study(("reg_mse", "reg_lds"))
    assert [row.labels for row in compare(records, BOTH, MSE).rows] == [
        ("uniform", "reg_mse"),
        ("missing", "reg_mse"),
        ("uniform", "reg_lds"),
        ("missing", "reg_lds"),
    ]
    assert compare(records, BOTH, MSE).train_counts is None
    with pytest.raises(InputError, match=r"different data .*imbalance\.name.*rows=\[method,imbalance\]"):
        compare(records, "method", MSE)


@pytest.mark.parametrize("key", ["dataset.target", "dataset.image_size", "dataset.test_seed", "imbalance.law.std"])
def test_other_data_of_the_same_law_are_not_compared(key):
    records = [record(seed=seed, method=m, mse=1.0, settings={key: m}) for m in ("a", "b") for seed in range(2)]
    with pytest.raises(InputError, match=f"different data.*{key}"):
        compare(records, "method", MSE)


def test_other_numbers_of_samples_are_other_data():
    records = [record(method=m, mse=1.0) for m in ("a", "b")]
    records[1].metrics["class_counts"]["train"][0] += 1
    with pytest.raises(InputError, match="different data"):
        compare(records, "method", MSE)
    records[1].metrics["class_counts"]["val"][1] -= 1  # held out for validation by another rounding
    assert len(compare(records, "method", MSE).rows) == 2


def test_the_lowest_error_leads_among_rows_of_the_same_law():
    comparison = compare(study(("reg_mse", "reg_lds")), BOTH, MSE)
    assert [comparison.rows[i].labels for i in leaders(comparison.rows, "test/mse", "clear")] == [
        ("uniform", "reg_mse"),
        ("missing", "reg_mse"),
    ]


def test_errors_have_significant_digits_of_any_scale():
    records = [
        *(record(method="small", seed=seed, mse=1e-4 + seed * 1e-6) for seed in (0, 2)),
        record(method="large", mse=123456.7),
    ]
    grid = comparison_grid(compare(records, "method", MSE))
    assert grid.rows == (("small", "2", "0.0001010 ± 1.4e-06"), ("large", "1", "123,457 ± n/a"))


def test_the_table_of_bins_has_mean_squared_errors():
    comparison = compare(study(laws=("uniform",)), "method", MSE)
    grid = per_class_grid(comparison)
    assert grid.title == "MSE per bin, mean ± std over seeds"
    assert grid.header == ("bin", "n_train", "reg_mse (n=3)")
    assert grid.rows == (("low", "51", "2 ± 1"), ("high", "49", "–"))
    (line,) = csv.DictReader(io.StringIO(comparison_csv(comparison, per_class=True)))
    assert (line["test/bin_mse/low/mean"], line["test/bin_mse/high/n"]) == ("2.0", "0")


def test_rows_of_other_bins_have_no_such_table():
    records = study()
    for each in records[3:]:
        each.metrics["class_names"] = ["cold", "hot"]
    comparison = compare(records, "imbalance", MSE)
    with pytest.raises(InputError, match=r"No MSE per bin: the rows have different bins: say per_class=false"):
        per_class_grid(comparison)


def test_yardsticks_stand_below_the_rows_and_are_marked():
    records = study(("reg_mse", "reg_lds"))
    for each in records:
        each.metrics.update({"test/baseline/optimal_mse": 5.0, "test/baseline/optimal_mae": 2.0})
        each.metrics.update({"test/baseline/train_median_mae": 3.0, "test/baseline/noise_floor_mse": 0.25})
    grid = comparison_grid(compare(records, BOTH, [*MSE, "test/r2"]), yardsticks=yardsticks(records, BOTH))
    assert grid.rows[4:] == (
        ("constant: training mean (uniform)", "", "no run", "7"),
        ("constant: training mean (missing)", "", "no run", "8"),
        ("constant: best on the test set", "", "no run", "5"),
        ("noise floor", "", "no run", "0.2500"),
    )  # the median says nothing of a squared error
    assert grid.breaks == {3}
    assert "no run: a yardstick that no network made" in grid.caption
    assert not {row for row, _ in grid.bold} & {4, 5, 6, 7}


def test_a_yardstick_has_its_root_and_its_absolute_error():
    runs = [record(mse=1.0, baseline__train_mean_mse=9.0, baseline__train_mean_mae=2.5)]
    (constant,) = yardsticks(runs, ["method"])
    assert constant.name == "constant: training mean"
    assert constant.cells(["test/rmse", "test/mae", "test/gm", "val/mse", "test/mse_few"]) == (
        "3",
        "2.500",
        "–",
        "–",
        "–",
    )


def test_a_test_set_has_one_floor_and_a_law_one_constant():
    settings = {"dataset.name": "other"}
    runs = [record(mse=1.0, baseline__noise_floor_mse=1.0, baseline__train_mean_mse=2.0)]
    runs += [record(mse=1.0, settings=settings, baseline__noise_floor_mse=3.0, baseline__train_mean_mse=4.0)]
    found = yardsticks(runs, ["dataset", "imbalance"])
    assert {one.name: one.errors["mse"] for one in found} == {
        "constant: training mean (sigma, uniform)": 2.0,
        "constant: training mean (other, uniform)": 4.0,
        "noise floor (sigma)": 1.0,
        "noise floor (other)": 3.0,
    }


def test_methods_are_paired_by_seed_and_law():
    blocks = arrange(study(("reg_mse", "reg_lds")), ["method"], "test/mse")
    assert blocks.keys == {"seed": 3, "imbalance": 2}
    (pair,) = compare_pairs(blocks)
    assert (pair.n, pair.mean) == (6, -1.0)
    assert pairs_grid([pair], blocks).rows[0][3:5] == ("-1", "-1")


def test_laws_are_paired_by_seed_for_they_share_the_test_set():
    blocks = arrange(study(), ["imbalance"], "test/mse")
    assert blocks.keys == {"seed": 3}
    np.testing.assert_allclose(blocks.complete[:, 1] - blocks.complete[:, 0], 1.0)


def test_laws_with_other_test_sets_share_no_block():
    records = study()
    for each in records[3:]:
        each.metrics["class_counts"]["test"] = [1, 2]
    with pytest.raises(InputError, match="share a block"):
        arrange(records, ["imbalance"], "test/mse")


def test_classes_and_numbers_are_no_one_report():
    plain = record(method="erm")
    plain.metrics["task"] = "classification"
    with pytest.raises(
        InputError, match=r"erm/uniform/0 is a classification and reg_mse/uniform/0 a regression"
    ) as said:
        compare([record(mse=1.0), plain], "method", MSE)
    assert "\n" not in str(said.value)
    assert [task_of([one]) for one in (plain, record())] == ["classification", "regression"]
