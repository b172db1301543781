"""Numbers of analyses as tables."""

from types import SimpleNamespace

import numpy as np
from helpers.studies import Counting

from lightning_imb.studies.findings import Findings
from lightning_imb.studies.summary import numbers_of_run, numbers_of_sweep, summary_table

NAN = float("nan")


class Run(SimpleNamespace):
    __hash__ = object.__hash__


def table():
    runs = [("erm", 1.0, NAN), ("erm", 3.0, 0.5), ("eos", 4.0, NAN)]
    return summary_table({Run(row=row): {"a": a, "b": b} for row, a, b in runs})


def test_means_over_the_seeds_where_a_number_is_defined():
    found = table().set_index(["row", "number"])
    assert found.loc["erm", "a"].tolist() == [2.0, np.sqrt(2), 2]
    assert found.loc["erm", "b"]["mean"] == 0.5
    assert found.loc["erm", "b"]["n"] == 1
    assert found.loc["eos", "b"]["n"] == 0
    assert table()["row"].unique().tolist() == ["erm", "eos"]


def test_one_column_for_each_row():
    grid = numbers_of_sweep(Counting(1), table())
    assert grid.header == ("number", "erm", "eos")
    assert grid.rows == (("a", "2 ± 1.4", "4"), ("b", "0.5000", "–"))
    assert "erm n=2, eos n=1" in grid.caption


def test_numbers_of_one_run():
    grid = numbers_of_run(Counting(1), Findings({"a": 0.123456, "b": NAN}, remarks=("left out",)))
    assert grid.rows == (("a", "0.1235"), ("b", "–"))
    assert grid.caption == "left out"
