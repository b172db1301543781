import numpy as np
import pytest
import torch

from lightning_imb.resampling.proposals import Proposal
from lightning_imb.resampling.ranking import certain, direct, settle
from lightning_imb.resampling.rows import Rows, Search

LINE = np.array([[0.0], [1.0], [1.0], [3.0], [7.0], [20.0]])


def propose(numbers, worst):
    return Proposal(torch.tensor([numbers]), torch.tensor([worst]).double(), torch.zeros(1), 0.0, torch.float32)


def test_candidates_are_ranked_by_distance_then_number_without_the_row_itself():
    rows, asked = Rows(LINE, None, Search()), torch.tensor([0])
    found, sure = settle(rows, asked, propose([4, 2, 0, 1], 49.0), 3, Search())
    assert found.tolist() == [[1, 2, 4]]
    assert not sure  # the row at 3 was not proposed, and 49 leaves no gap above the third of 49


@pytest.mark.parametrize(("worst", "expected"), [(9.0, True), (1.0, False), (float("inf"), False)])
def test_certain_needs_a_finite_gap(worst, expected):
    found, sure = settle(Rows(LINE, None, Search()), torch.tensor([0]), propose([0, 1, 2, 3], worst), 2, Search())
    assert found.tolist() == [[1, 2]]
    assert sure.tolist() == [expected]


def test_all_rows_proposed_is_certain():
    assert settle(Rows(LINE, None, Search()), torch.tensor([3]), propose([*range(6)], 0.0), 5, Search())[1].all()


def test_gap_grows_with_features_reach_and_shift():
    def least(features, reach, shift):
        gaps = torch.logspace(-12, 3, 4000, dtype=torch.float64)
        proposal = Proposal(torch.zeros(4000, 1), 1 + gaps, torch.full((4000,), reach), shift, torch.float32)
        return gaps[certain(proposal, torch.ones(4000).double(), features)].min()

    usual = least(64, 1.0, 0.0)
    assert usual > 64 * 2**-24 * 9  # at least D·u·(|q| + |x|)²
    assert least(640, 1.0, 0.0) > 5 * usual
    assert least(64, 10.0, 0.0) > 20 * usual
    assert least(64, 1.0, 10.0) > 2 * usual


@pytest.mark.parametrize("memory_mb", [1e-6, 0.002, 512])
def test_direct_search_breaks_ties_by_number(memory_mb):
    X = np.random.default_rng(0).integers(0, 2, size=(60, 3)).astype(float)
    y = np.repeat([0, 1], 30)
    distance = ((X[:, None] - X) ** 2).sum(axis=2)
    rows, search, asked = Rows(X, None, Search()), Search(memory_mb=memory_mb), torch.arange(60)
    own = np.where(np.eye(60, dtype=bool), np.inf, distance)
    np.testing.assert_array_equal(direct(rows, asked, 7, None, search), np.argsort(own, kind="stable")[:, :7])
    enemy = np.where(y[:, None] == y, np.inf, distance)
    expected = np.argsort(enemy, kind="stable")[:, :7]
    np.testing.assert_array_equal(direct(rows, asked, 7, torch.from_numpy(y), search), expected)
