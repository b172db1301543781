"""Gaussian clouded logits: written out, their noise, and balanced counts."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_imb.losses import GCLLoss
from lightning_imb.utils.errors import InputError

COUNTS = [400, 50, 9, 1]
K = len(COUNTS)


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    cosines = torch.rand(12, K, generator=generator, dtype=torch.float64) * 2 - 1
    return cosines, torch.randint(K, (12,), generator=generator)


def written_out(cosines: Tensor, target: Tensor, noise: Tensor, size: float, margin: float, scale: float) -> float:
    delta = [math.log(max(COUNTS)) - math.log(n) for n in COUNTS]
    losses = []
    for row, label, drawn in zip(cosines.tolist(), target.tolist(), noise.tolist(), strict=True):
        seen = [
            scale * (row[c] - size * abs(drawn[c]) * delta[c] / max(delta) - margin * (c == label)) for c in range(K)
        ]
        losses.append(math.log(sum(math.exp(z) for z in seen)) - seen[label])
    return sum(losses) / len(losses)


def test_value_is_the_formula_with_noise_of_the_global_generator(batch: tuple[Tensor, Tensor]) -> None:
    cosines, target = batch
    torch.manual_seed(4)
    value = GCLLoss(COUNTS, noise=0.4, max_m=0.1, scale=16)(16 * cosines, target)
    torch.manual_seed(4)
    noise = (torch.randn(cosines.shape) / 3).clamp(-1, 1)
    assert value.item() == pytest.approx(written_out(cosines, target, noise, 0.4, 0.1, 16), abs=1e-5)


def test_noise_is_a_third_of_a_normal_cut_off_at_one() -> None:
    torch.manual_seed(0)
    drawn = GCLLoss(COUNTS).draw(torch.zeros(50_000, K))
    assert drawn.min() >= 0
    assert drawn.max() == 1
    assert drawn.square().mean().sqrt().item() == pytest.approx(1 / 3, abs=0.003)


def test_without_noise_and_margin_it_is_cross_entropy(batch: tuple[Tensor, Tensor]) -> None:
    logits, target = 30 * batch[0], batch[1]
    loss = GCLLoss(COUNTS, noise=0, max_m=0)
    assert loss(logits, target).item() == pytest.approx(F.cross_entropy(logits, target).item(), abs=1e-9)


def test_balanced_counts_have_no_cloud(batch: tuple[Tensor, Tensor]) -> None:
    logits, target = 30 * batch[0], batch[1]
    loss = GCLLoss([8] * K, noise=0.5)
    assert loss.cloud.tolist() == [0] * K
    assert loss(logits, target).item() == pytest.approx(F.cross_entropy(logits, target).item(), abs=1e-9)


def test_the_cloud_grows_from_the_largest_to_the_smallest_class() -> None:
    cloud = GCLLoss(COUNTS, noise=0.5, scale=30).cloud.tolist()
    assert cloud[0] == 0
    assert cloud == sorted(cloud)
    assert cloud[-1] == pytest.approx(15)


def test_both_labels_of_a_mixed_sample_meet_the_same_noise(batch: tuple[Tensor, Tensor]) -> None:
    logits, target = 30 * batch[0], batch[1]
    other = target.flip(0)
    loss = GCLLoss(COUNTS, max_m=0.2)
    shares = 0.4 * F.one_hot(target, K).double() + 0.6 * F.one_hot(other, K).double()
    values = []
    for wanted in (target, other, shares):
        torch.manual_seed(9)
        values.append(loss(logits, wanted).item())
    assert values[2] == pytest.approx(0.4 * values[0] + 0.6 * values[1], rel=1e-9)


def test_it_needs_the_cosine_head_and_its_scale() -> None:
    assert GCLLoss.required_head == "cosine"
    assert GCLLoss(COUNTS, scale=16).required_scale == 16


@pytest.mark.parametrize(("option", "value"), [("noise", -1), ("max_m", -0.1), ("scale", 0), ("scale", -30)])
def test_unusable_option_is_named(option: str, value: float) -> None:
    with pytest.raises(InputError, match=f"^{option} is "):
        GCLLoss(COUNTS, **{option: value})
