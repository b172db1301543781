"""RIDE against plain loops over samples, experts and classes."""

import math

import pytest
import torch

from lightning_imb.losses.ldam import LDAMLoss
from lightning_imb.losses.ride import RIDELoss
from lightning_imb.utils.errors import InputError

COUNTS = [200, 30, 7, 1]
K = len(COUNTS)


def batch(experts=3, dtype=torch.float64):
    draw = torch.Generator().manual_seed(0)
    logits = 5 * torch.randn(10, experts, K, generator=draw, dtype=dtype)
    return logits, torch.randint(K, (10,), generator=draw)


def softmax(values):
    exps = [math.exp(v - max(values)) for v in values]
    return [e / sum(exps) for e in exps]


def temperatures(counts, base, spread):
    shares = [n / sum(counts) for n in counts]
    relative = [len(counts) * share * spread + 1 - spread for share in shares]
    return [base * u / max(relative) for u in relative]


def divergence(logits, heat):
    """``t^2 * sum over experts of KL(mean || expert)``, mean over the batch."""
    total = 0.0
    for experts in logits.tolist():
        mean = softmax([sum(e[c] for e in experts) / len(experts) / heat[c] for c in range(K)])
        for expert in experts:
            own = softmax([expert[c] / heat[c] for c in range(K)])
            total += sum(m * (math.log(m) - math.log(p)) for m, p in zip(mean, own, strict=True))
    return (sum(heat) / len(heat)) ** 2 * total / len(logits)


def margins(logits, target, weights, reduction="weighted_mean"):
    """LDAM of scaled cosines, summed over the experts."""
    m = [0.5 * (min(COUNTS) / n) ** 0.25 for n in COUNTS]
    total, mass = 0.0, 0.0
    for experts, y in zip(logits.tolist(), target.tolist(), strict=True):
        for expert in experts:
            lowered = [z - 30 * m[y] * (c == y) for c, z in enumerate(expert)]
            total += weights[y] * -math.log(softmax(lowered)[y])
        mass += weights[y]
    return total / (mass if reduction == "weighted_mean" else len(target))


def effective(beta=0.9999):
    raw = [(1 - beta) / (1 - beta**n) for n in COUNTS]
    return [K * w / sum(raw) for w in raw]


@pytest.mark.parametrize("reduction", ["weighted_mean", "mean"])
def test_it_is_its_formula_before_and_after_the_start(reduction):
    logits, target = batch()
    loss = RIDELoss(COUNTS, temperature=1.5, spread=0.3, reduction=reduction)
    late = margins(logits, target, effective(), reduction) - 0.45 * divergence(logits, temperatures(COUNTS, 1.5, 0.3))
    early = margins(logits, target, [1.0] * K, reduction) - 0.45 * divergence(logits, [1.5] * K)
    assert loss(logits, target).item() == pytest.approx(late, rel=1e-6)
    loss.begin_epoch(159, 200)
    assert loss(logits, target).item() == pytest.approx(early, rel=1e-6)
    loss.begin_epoch(160, 200)
    assert loss(logits, target).item() == pytest.approx(late, rel=1e-6)


def test_weights_for_other_samples_survive_the_next_epoch():
    logits, target = batch()
    loss = RIDELoss(COUNTS, diversity=0.0)
    loss.weigh_for([9] * K)
    loss.begin_epoch(9, 10)
    assert loss(logits, target).item() == pytest.approx(margins(logits, target, [1.0] * K), rel=1e-6)


def test_without_diversity_it_is_the_sum_of_the_experts_ldam():
    logits, target = batch()
    ldam = LDAMLoss(COUNTS, weights="inverse")
    expected = sum(ldam(z, target) for z in logits.unbind(1))
    loss = RIDELoss(COUNTS, diversity=0.0, weights="inverse")
    torch.testing.assert_close(loss(logits, target), expected)
    torch.testing.assert_close(loss(logits[:, 0], target), ldam(logits[:, 0], target))


def test_experts_that_agree_have_no_divergence():
    logits, target = batch()
    same = logits[:, :1].expand(-1, 3, -1)
    plain = RIDELoss(COUNTS, diversity=0.0)(same, target)
    torch.testing.assert_close(RIDELoss(COUNTS, diversity=-5.0)(same, target), plain)


def test_the_mean_is_a_teacher_that_does_not_learn():
    logits, target = batch(experts=2)
    logits.requires_grad_()
    value = RIDELoss(COUNTS, diversity=1.0, spread=0.0)(logits, target) - RIDELoss(COUNTS, diversity=0.0)(
        logits, target
    )
    (gradient,) = torch.autograd.grad(value, logits)
    detached = logits.detach()
    mean = detached.mean(dim=1, keepdim=True).softmax(dim=2)
    torch.testing.assert_close(gradient, (detached.softmax(dim=2) - mean) / len(logits))


def test_balanced_classes_share_one_temperature_and_one_weight():
    loss = RIDELoss([5] * K, temperature=2.0, spread=0.7)
    assert loss.class_temperature.tolist() == [2.0] * K
    assert loss.class_weight.tolist() == pytest.approx([1.0] * K)


def test_mixed_labels_mix_the_margins_and_leave_the_divergence():
    logits, target = batch()
    other = target.roll(1)
    loss = RIDELoss(COUNTS, weights="none")
    first, second = (torch.nn.functional.one_hot(y, K).double() for y in (target, other))
    expected = 0.3 * loss(logits, target) + 0.7 * loss(logits, other)
    torch.testing.assert_close(loss(logits, 0.3 * first + 0.7 * second), expected)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_and_extreme_logits_keep_gradients_finite(dtype):
    for size in (5, 60000 if dtype == torch.float16 else 1e6):
        logits = (size * torch.randn(6, 3, K).clamp(-1, 1)).to(dtype).requires_grad_()
        value = RIDELoss(COUNTS)(logits, torch.arange(6) % K)
        value.backward()
        assert value.dtype == torch.float32
        assert torch.isfinite(logits.grad).all()


def test_two_classes_two_experts_and_a_single_sample():
    logits = torch.randn(1, 2, 2, requires_grad=True)
    RIDELoss([40, 1])(logits, torch.tensor([1])).backward()
    assert torch.isfinite(logits.grad).all()


class Two(torch.nn.Module):
    """Two experts on two halves of the embedding."""

    def experts(self, z):
        return torch.stack(z.chunk(2, dim=1), dim=1)


def test_it_reads_the_experts_of_the_head_and_predicts_by_their_mean():
    z, target = torch.randn(5, 2 * K), torch.tensor([0, 1, 2, 3, 0])
    loss = RIDELoss(COUNTS)
    value, logits = loss.from_embeddings(Two(), z, target)
    assert torch.equal(value, loss(torch.stack([z[:, :K], z[:, K:]], dim=1), target))
    torch.testing.assert_close(logits, (z[:, :K] + z[:, K:]) / 2)


def test_a_head_of_one_expert_is_refused_with_the_cure():
    with pytest.raises(InputError, match=r"RIDELoss trains several experts.*Linear of one.*model\.experts=3"):
        RIDELoss(COUNTS).from_embeddings(torch.nn.Linear(3, K), torch.zeros(2, 3), torch.tensor([0, 1]))


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"temperature": 0.0}, "temperature is 0"),
        ({"spread": 1.5}, "spread is 1.5"),
        ({"start": 1.5}, "start is 1.5"),
        ({"start": -1}, "start is -1"),
        ({"diversity": "much"}, "diversity is 'much'"),
        ({"max_m": -1.0}, "max_m is -1"),
        ({"scale": 0.0}, "scale is 0"),
    ],
)
def test_unusable_options_are_named(options, word):
    with pytest.raises(InputError, match=word):
        RIDELoss(COUNTS, **options)


def test_it_needs_the_cosine_head_of_its_scale():
    assert (RIDELoss.required_head, RIDELoss(COUNTS, scale=16.0).required_scale) == ("cosine", 16.0)
