"""SADE against the golden value and the formula written out."""

import math

import pytest
import torch

from lightning_imb.losses.cross_entropy import CrossEntropyLoss
from lightning_imb.losses.logit_adjustment import LogitAdjustmentLoss
from lightning_imb.losses.sade import SADELoss, _inverted
from lightning_imb.utils.errors import InputError

COUNTS = [200, 30, 7, 1]
K = len(COUNTS)


def batch(dtype=torch.float64):
    draw = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(10, 3, K, generator=draw, dtype=dtype)
    return logits, torch.randint(K, (10,), generator=draw)


def test_golden_value():
    z = torch.tensor([[2, 0.5, -1], [1.5, 1, -0.5], [0.2, 0.1, 0.3], [1, -0.5, 0.4]], dtype=torch.float64)
    target = torch.tensor([0, 0, 1, 2])
    loss = SADELoss([100, 20, 4])
    assert loss(z, target).item() == pytest.approx(6.082923, abs=1e-5)
    assert loss(torch.stack([z, z, z], dim=1), target).item() == pytest.approx(6.082923, abs=1e-5)


def by_hand(logits, target, tau, weights):
    prior = [n / sum(COUNTS) for n in COUNTS]
    inverse = prior[::-1]  # the counts fall
    total, mass = 0.0, 0.0
    for experts, y in zip(logits.tolist(), target.tolist(), strict=True):
        for number, expert in enumerate(experts):
            shifted = list(expert)
            for c in range(K):
                shifted[c] += math.log(prior[c]) * (number > 0) - tau * math.log(inverse[c]) * (number == 2)
            total += weights[y] * (math.log(sum(math.exp(z) for z in shifted)) - shifted[y])
        mass += weights[y]
    return total / mass


@pytest.mark.parametrize("tau", [0.0, 1.0, 2.0])
def test_it_is_its_formula(tau):
    logits, target = batch()
    weights = [0.5, 1.0, 2.0, 4.0]
    loss = SADELoss(COUNTS, tau=tau)
    assert loss(logits, target).item() == pytest.approx(by_hand(logits, target, tau, [1.0] * K), rel=1e-6)
    loss.set_class_weight(weights)
    assert loss(logits, target).item() == pytest.approx(by_hand(logits, target, tau, weights), rel=1e-6)


def test_the_first_two_experts_are_cross_entropy_and_balanced_softmax():
    logits, target = batch()
    plain, adjusted = CrossEntropyLoss(COUNTS), LogitAdjustmentLoss(COUNTS)
    expected = plain(logits[:, 0], target) + 2 * adjusted(logits[:, 1], target)
    pair = torch.stack([logits[:, 0], logits[:, 1], logits[:, 1]], dim=1)
    torch.testing.assert_close(SADELoss(COUNTS, tau=0.0)(pair, target), expected)


@pytest.mark.parametrize("number", [2, K])
def test_balanced_counts_give_three_times_cross_entropy(number):
    logits, target = batch()
    logits, target = logits[:, 0, :number], target % number
    expected = 3 * CrossEntropyLoss([9] * number)(logits, target)
    torch.testing.assert_close(SADELoss([9] * number)(logits, target), expected)


@pytest.mark.parametrize(
    ("shares", "inverse"),
    [
        ([0.5, 0.3, 0.2], [0.2, 0.3, 0.5]),
        ([0.3, 0.1, 0.6], [0.3, 0.6, 0.1]),
        ([0.6, 0.2, 0.2], [0.2, 0.4, 0.4]),  # the two rare ones share what is left alike
        ([0.4, 0.4, 0.1, 0.1], [0.1, 0.1, 0.4, 0.4]),
        ([0.25] * 4, [0.25] * 4),
    ],
)
def test_the_prior_is_inverted_by_rank(shares, inverse):
    assert _inverted(torch.tensor(shares, dtype=torch.float64)).tolist() == pytest.approx(inverse)


def test_mixed_labels_mix_the_losses():
    logits, target = batch()
    other = target.roll(1)
    loss = SADELoss(COUNTS)
    first, second = (torch.nn.functional.one_hot(y, K).double() for y in (target, other))
    expected = 0.3 * loss(logits, target) + 0.7 * loss(logits, other)
    torch.testing.assert_close(loss(logits, 0.3 * first + 0.7 * second), expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_keeps_gradients_finite(dtype):
    logits = batch()[0].mul(1000).to(dtype).requires_grad_()
    value = SADELoss([40, 9, 2, 1])(logits, batch()[1])
    value.backward()
    assert value.dtype == torch.float32
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("experts", [2, 4])
def test_another_number_of_experts_is_refused_with_the_cure(experts):
    with pytest.raises(InputError, match=rf"3 experts, not {experts}: set model\.experts=3"):
        SADELoss(COUNTS)(torch.zeros(2, experts, K), torch.tensor([0, 1]))


def test_unusable_tau_is_named():
    with pytest.raises(InputError, match="tau is -1"):
        SADELoss(COUNTS, tau=-1.0)
