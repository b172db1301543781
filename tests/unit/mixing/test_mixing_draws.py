import numpy as np
import pytest
import torch

from lightning_imb.mixing.draws import Draws

CPU = torch.device("cpu")


def draws(size=6, each=True, seed=0):
    return Draws(np.random.default_rng(seed), size, CPU, each)


def test_each_row_has_a_number_of_its_own_or_all_have_one():
    assert len(set(draws().uniform().tolist())) == 6
    assert len(set(draws(each=False).uniform().tolist())) == 1
    assert len(set(draws(each=False).beta(1.0, 1.0).tolist())) == 1


def test_beta_has_its_mean():
    drawn = draws(20000).beta(2.0, 6.0).double()
    deviation = (2 * 6 / (8**2 * 9)) ** 0.5
    assert abs(drawn.mean().item() - 0.25) < 3 * deviation / 20000**0.5
    assert drawn.dtype == torch.float64


def test_a_permutation_takes_every_row_once():
    assert sorted(draws(50).permutation().tolist()) == list(range(50))


@pytest.mark.parametrize("size", [2, 3, 17])
def test_a_derangement_gives_nobody_itself(size):
    for seed in range(20):
        partner = draws(size, seed=seed).permutation(deranged=True)
        assert sorted(partner.tolist()) == list(range(size))
        assert (partner != torch.arange(size)).all()


def test_the_only_row_is_its_own_partner():
    assert draws(1).permutation(deranged=True).tolist() == [0]


def test_rows_are_picked_by_their_weights():
    weight = torch.tensor([0.0, 1.0, 3.0, 0.0])
    counts = torch.bincount(draws(20000).pick(weight), minlength=4).double() / 20000
    assert counts[0] == counts[3] == 0
    assert abs(counts[2].item() - 0.75) < 3 * (0.75 * 0.25 / 20000) ** 0.5


def test_weights_of_zero_pick_all_rows_alike():
    picked = draws(4000).pick(torch.zeros(4))
    assert torch.bincount(picked, minlength=4).min() > 900


def test_marks_are_weights_too():
    assert set(draws(100).pick(torch.tensor([False, True, False])).tolist()) == {1}
