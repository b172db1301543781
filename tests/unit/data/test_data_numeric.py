import logging

import numpy as np
import pytest

from lightning_imb.data.laws import Density, Normal, Uniform
from lightning_imb.data.numeric import parse_targets, target_bins, thinned_rows
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.target_bins import TargetBins, equal_bins

# targets


def test_numbers_are_read_as_they_are_written():
    assert parse_targets(["3", "-0.5", "1e3", "+.25"], str).tolist() == [3, -0.5, 1000, 0.25]


@pytest.mark.parametrize("text", ["", "cat", "nan", "inf", "-Infinity", "1,5", "1_000", "1e39", "0x10"])
def test_what_is_no_finite_number_is_named(text):
    with pytest.raises(InputError, match=r"line 2 has the target .* no finite number") as refusal:
        parse_targets(["1", text, "oops"], lambda row: f"line {row + 1}")
    assert repr(text) in str(refusal.value)


# bins


def test_bins_are_ten_unless_told():
    values = np.linspace(0, 5, 11)
    assert target_bins(None, values).edges == equal_bins(0, 5, 10).edges
    assert target_bins(2, values).edges == (0, 2.5, 5)
    assert target_bins(2, values, [0, 10]).edges == (0, 5, 10)
    assert target_bins([1, 2, 5], values).edges == (1, 2, 5)


@pytest.mark.parametrize(
    ("spec", "values", "message"),
    [
        (3, [4.0, 4.0], r"all 2 targets are 4: .* at least two different"),
        ([10, 11], [0.0, 1, 2, 10.5], r"75% of the targets, which go from 0 to 10.5, lie beyond"),
        (0, [0.0, 1.0], r"number of bins is 0"),
        ([3, 2], [0.0, 1.0], r"dataset.bins=\[3, 2\] must be"),
        ("many", [0.0, 1.0], r"dataset.bins=many must be"),
        (True, [0.0, 1.0], r"dataset.bins=True must be"),
    ],
)
def test_bins_that_cannot_be_are_refused(spec, values, message):
    with pytest.raises(InputError, match=message):
        target_bins(spec, values)


# thinning

SKEWED = np.random.default_rng(0).beta(2, 5, 20_000) * 10
BINS = equal_bins(0, 10, 20)


@pytest.mark.parametrize("law", [Uniform([1, 5]), Normal(4, 1, None), Density([1, 6], [0, 1])])
def test_what_stays_follows_the_law(law):
    rows = thinned_rows(SKEWED, law, BINS, 0)
    stay = SKEWED[rows]
    assert len(rows) > 500
    assert (np.diff(rows) > 0).all()
    assert (law.density(stay) > 0).all()
    middles = BINS.centres
    wanted = law.density(middles) / law.density(middles).sum()
    found = np.asarray(BINS.counts(stay)) / len(stay)
    assert np.abs(found - wanted).max() < 0.05


def test_a_law_that_is_that_of_the_data_keeps_most_of_them():
    flat = np.linspace(0, 10, 1000)
    assert len(thinned_rows(flat, Uniform([0, 10]), equal_bins(0, 10, 5), 0)) > 980
    half = thinned_rows(flat, Uniform([0, 5]), equal_bins(0, 10, 2), 0)
    assert (len(half), flat[half].max() <= 5) == (500, True)


def test_the_choice_is_a_function_of_the_seed():
    first, again, other = (thinned_rows(SKEWED, Uniform([1, 5]), BINS, seed).tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_bins_without_data_stay_empty():
    values = np.array([1.0, 1.2, 1.4, 8.0, 8.2, 8.4])
    rows = thinned_rows(values, Uniform([0, 10]), equal_bins(0, 10, 10), 0)
    assert rows.tolist() == [0, 1, 2, 3, 4, 5]


def test_targets_beyond_the_edges_count_to_the_outer_bins():
    values = np.array([0.5, 1.5, 2.5, 3.5])
    assert thinned_rows(values, Uniform([0, 4]), TargetBins((1.0, 2.0, 3.0)), 0).tolist() == [0, 1, 2, 3]


def test_the_density_of_the_outer_bins_is_that_of_all_the_values_they_hold():
    values = np.random.default_rng(0).normal(35, 12, 20_000).clip(0, 99)
    rows = thinned_rows(values, Uniform([0, 99]), TargetBins((20.0, 25, 30, 35, 40, 45, 50)), 0)
    reach = (values.min(), 25, 30, 35, 40, 45, values.max())
    per_unit = np.histogram(values[rows], reach)[0] / np.diff(reach)
    assert per_unit.max() < 1.2 * per_unit.min()


def test_a_law_that_leaves_few_warns_and_names_the_bin_that_decides(caplog):
    tail = np.concatenate([np.linspace(0, 8.99, 990), np.linspace(9.1, 10, 10)])
    with caplog.at_level(logging.WARNING):
        thinned_rows(tail, Uniform([0, 9]), equal_bins(0, 10, 10), 0)
        assert caplog.text == ""
        rows = thinned_rows(tail, Uniform([0, 10]), equal_bins(0, 10, 10), 0)
    assert 30 < len(rows) < 160
    assert f"keeps {len(rows)} of the 1000 training images" in caplog.text
    assert "the bin 9 to 10, which holds 10," in caplog.text
    assert "narrow imbalance.law.within" in caplog.text


def test_a_narrow_law_that_takes_all_it_can_is_no_reason_to_warn(caplog):
    flat = np.linspace(0, 10, 1000)
    with caplog.at_level(logging.WARNING):
        assert len(thinned_rows(flat, Uniform([0, 0.5]), equal_bins(0, 10, 10), 0)) == 50
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("law", "message"),
    [
        (Uniform([20, 30]), r"no mass on the training targets, which go from"),
        (Uniform([SKEWED.max() - 1e-9, 30]), r"leaves 1 of 20000"),
    ],
)
def test_a_law_that_leaves_nothing_is_refused(law, message):
    with pytest.raises(InputError, match=message):
        thinned_rows(SKEWED, law, BINS, 0)
