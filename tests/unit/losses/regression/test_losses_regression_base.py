"""Weights by target bin in the value of a batch, and what reaches a loss later."""

import numpy as np
import pytest
import torch

from lightning_imb.losses.regression import L1Loss, MSELoss, TargetWeights
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.target_bins import TargetBins, TargetSample, equal_bins

BINS = equal_bins(0, 3, 3)
TARGETS = TargetSample(np.array([0.1, 0.2, 0.3, 0.4, 1.5, 2.2, 2.4]), BINS)
INVERSE = TargetWeights("inverse", None, "none", 1, 1.0, "plain", "zero", None)
NONE = TargetWeights("none", None, "none", 1, 1.0, "plain", "zero", None)


def weighted(targets=TARGETS):
    loss = MSELoss(targets)
    loss.weigh(INVERSE)
    return loss


def test_value_is_the_mean_of_the_weighted_losses():
    predictions, target = torch.tensor([1.0, 1.0, 5.0]), torch.tensor([0.5, 2.9, 1.0])
    # 7 samples in bins of 4, 1 and 2: every bin has a third of the mass
    by_hand = (7 / 3 / 4 * 0.5**2 + 7 / 3 / 2 * 1.9**2 + 7 / 3 / 1 * 4**2) / 3
    assert weighted()(predictions, target).item() == pytest.approx(by_hand)


def test_no_weights_is_the_plain_mean_again():
    predictions, target = torch.tensor([1.0, 1.0, 5.0]), torch.tensor([0.5, 2.9, 1.0])
    plain = MSELoss(TARGETS)(predictions, target)
    for scheme in (None, NONE):
        loss = weighted()
        loss.weigh(scheme)
        assert torch.equal(loss(predictions, target), plain)


def test_weights_follow_the_targets_that_reach_the_loss():
    loss = weighted()
    balanced = TargetSample(np.array([0.1, 1.5, 2.2]), BINS)
    loss.learn_targets(balanced)
    assert loss.bin_weight.tolist() == [1, 1, 1]
    loss.learn_targets(TARGETS)
    assert loss.bin_weight.tolist() == pytest.approx([7 / 12, 7 / 3, 7 / 6])


def test_weights_follow_other_bins_too():
    loss = weighted()
    loss.learn_targets(TargetSample(np.array([0.1, 0.2, 5.0]), equal_bins(0, 6, 2)))
    assert loss.weight_of(torch.tensor([2.9, 3.0])).tolist() == pytest.approx([3 / 4, 3 / 2])


def test_targets_beyond_the_bins_belong_to_the_outermost():
    weights = weighted().weight_of(torch.tensor([-100.0, 0.5, 100.0, 2.5]))
    assert weights[0] == weights[1] != weights[2] == weights[3]


def test_a_float32_target_on_an_edge_is_in_the_bin_that_the_edge_begins():
    bins = TargetBins((1.0, 1.3, 2.0))  # 1.3 in float32 is less than in float64
    values = np.array([1.1, 1.3, 1.3, 1.5])
    assert bins.counts(values) == [1, 3]
    on_edge = weighted(TargetSample(values, bins)).weight_of(torch.tensor([1.3], dtype=torch.float32))
    assert on_edge.item() == pytest.approx(2 / 3)


def test_weights_of_one_bin_are_one():
    loss = weighted(TargetSample(np.array([1.0, 2.0]), equal_bins(0, 3, 1)))
    assert loss.weight_of(torch.tensor([1.0, 7.0])).tolist() == [1, 1]


def test_shapes_that_would_broadcast_are_errors():
    with pytest.raises(InputError, match=r"predictions have shape \(3, 1\)"):
        L1Loss(TARGETS)(torch.zeros(3, 1), torch.zeros(3))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "targets have shape \\(0,\\)"),
        ([[1.0, 2.0]], "targets have shape \\(1, 2\\)"),
        ([1.0, np.nan, np.inf], "2 targets are not finite, the first nan"),
    ],
)
def test_unusable_targets_are_errors_at_first_and_later(values, message):
    targets = TargetSample(np.array(values), BINS)
    with pytest.raises(InputError, match=message):
        MSELoss(targets)
    with pytest.raises(InputError, match=message):
        MSELoss(TARGETS).learn_targets(targets)
