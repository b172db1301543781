import numpy as np
import pytest
import torch
from helpers.runs import assert_refused

from lightning_imb.utils.target_bins import TargetBins, bin_of, bins_of, equal_bins

BINS = TargetBins((1.0, 2.0, 4.0, 7.0))


def test_a_bin_holds_its_lower_edge_and_the_ends_take_the_tails():
    values = [-5.0, 1.0, 1.99, 2.0, 3.9, 4.0, 6.9, 7.0, 100.0]
    assert BINS.of(values).tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 2]
    assert BINS.counts(values) == [3, 2, 4]
    assert (len(BINS), BINS.names) == (3, ("1 to 2", "2 to 4", "4 to 7"))
    assert BINS.centres.tolist() == [1.5, 3.0, 5.5]


@pytest.mark.parametrize("step", [0.1, 0.05, 1 / 3])
def test_targets_on_edges_are_in_one_bin_whatever_their_type(step):
    edges = np.arange(0, 41) * step
    bins = TargetBins(tuple(edges.tolist()))
    values = np.concatenate([edges, np.nextafter(edges, -1), np.nextafter(edges, 99)])
    single = values.astype(np.float32)
    expected = bins.of(values).tolist()
    assert bins.of(single).tolist() == bins.of(single.astype(np.float64)).tolist() == expected
    inner = torch.from_numpy(bins.inner)
    assert bin_of(torch.from_numpy(values), inner).tolist() == bin_of(torch.from_numpy(single), inner).tolist()
    assert bin_of(torch.from_numpy(values), inner).tolist() == expected
    assert bins.of(edges[:40]).tolist() == list(range(40))


def test_bins_of_equal_width_or_of_given_edges():
    assert equal_bins(0, 1, 4).edges == (0, 0.25, 0.5, 0.75, 1)
    assert bins_of(2, [3.0, 7.0, 4.0], "bins").edges == (3, 5, 7)
    assert bins_of([1, 2, 9], [3.0], "bins").edges == (1, 2, 9)


@pytest.mark.parametrize("spec", [[1], [2, 1], [1, 1], ["a", "b"], [1, float("nan")], "many", [[1, 2]]])
def test_edges_that_are_none(spec):
    assert_refused(lambda: bins_of(spec, [1.0, 2.0], "dataset.bins"), "dataset.bins", "ascending")


@pytest.mark.parametrize("count", [0, -1])
def test_numbers_of_bins_that_are_none(count):
    assert_refused(lambda: bins_of(count, [1.0, 2.0], "dataset.bins"), str(count), ">= 1")


def test_one_value_has_no_width():
    assert_refused(lambda: bins_of(3, [2.0, 2.0], "dataset.bins"), "2", "different")
