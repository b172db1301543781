"""What all losses share: reduction, weights, soft targets, buffers, precision, errors."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from lightning_imb.losses import (
    AsymmetricLoss,
    CDTLoss,
    ClassBalancedLoss,
    ClassCountLoss,
    CrossEntropyLoss,
    FocalLoss,
    InfluenceBalancedLoss,
    LabelAwareSmoothingLoss,
    LabelSmoothingLoss,
    LDAMLoss,
    LogitAdjustmentLoss,
    SeesawLoss,
    SigmoidFocalLoss,
    VSLoss,
)
from lightning_imb.utils.errors import InputError

COUNTS = [300, 60, 12, 1]
K = len(COUNTS)

Build = Callable[..., ClassCountLoss]
LOSSES: dict[str, Build] = {
    "ce": CrossEntropyLoss,
    "focal": FocalLoss,
    "focal_official": lambda counts, **kw: FocalLoss(counts, p_from="official", **kw),
    "focal_half": lambda counts, **kw: FocalLoss(counts, gamma=0.5, **kw),
    "focal_sigmoid": SigmoidFocalLoss,
    "ldam": LDAMLoss,
    "asl": AsymmetricLoss,
    "logit_adjustment": LogitAdjustmentLoss,
    "vs": VSLoss,
    "cdt": CDTLoss,
    "influence_balanced": InfluenceBalancedLoss,
    "seesaw": lambda counts, **kw: SeesawLoss(counts, counts="dataset", **kw),
    "label_smoothing": LabelSmoothingLoss,
    "label_aware_smoothing": LabelAwareSmoothingLoss,
    "cb_softmax": lambda counts, **kw: ClassBalancedLoss(counts, base="softmax", **_effective(kw)),
    "cb_sigmoid": lambda counts, **kw: ClassBalancedLoss(counts, base="sigmoid", **_effective(kw)),
    "cb_focal": lambda counts, **kw: ClassBalancedLoss(counts, base="focal", **_effective(kw)),
}
every_loss = pytest.mark.parametrize("build", LOSSES.values(), ids=LOSSES.keys())
both_reductions = pytest.mark.parametrize("reduction", ["weighted_mean", "mean"])


def _effective(options: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in options.items() if name != "weights"}


@pytest.fixture
def logits() -> Tensor:
    return 2 * torch.randn(9, K, generator=torch.Generator().manual_seed(4), dtype=torch.float64)


@pytest.fixture
def target() -> Tensor:
    return torch.tensor([0, 0, 0, 1, 1, 2, 0, 3, 2])


@every_loss
def test_reductions_differ_by_the_mean_weight_of_the_batch(build: Build, logits: Tensor, target: Tensor) -> None:
    mean = build(COUNTS, weights="effective", reduction="mean")
    weighted = build(COUNTS, weights="effective", reduction="weighted_mean")
    share = mean.class_weight.double()[target].mean()
    assert share.item() != pytest.approx(1, abs=0.05)
    assert (weighted(logits, target) * share).item() == pytest.approx(mean(logits, target).item(), rel=1e-9)


@every_loss
@both_reductions
def test_value_is_the_weighted_sum_of_the_samples(build: Build, reduction: str, logits: Tensor, target: Tensor) -> None:
    loss = build(COUNTS, weights="effective", reduction=reduction)
    w = loss.class_weight.tolist()
    parts = [w[y] * loss.per_sample(z[None], y[None]).item() for z, y in zip(logits, target, strict=True)]
    below = sum(w[y] for y in target) if reduction == "weighted_mean" else len(target)
    assert loss(logits, target).item() == pytest.approx(sum(parts) / below, rel=1e-9)


@every_loss
@both_reductions
def test_one_hot_target_equals_the_hard_one_exactly(
    build: Build, reduction: str, logits: Tensor, target: Tensor
) -> None:
    loss = build(COUNTS, weights="inverse", reduction=reduction)
    one_hot = torch.nn.functional.one_hot(target, K)
    for precision in (torch.float64, torch.float32):
        z = logits.to(precision)
        assert torch.equal(loss(z, one_hot.to(precision)), loss(z, target))


@every_loss
def test_mixed_target_is_the_mixture_of_two_losses(build: Build, logits: Tensor, target: Tensor) -> None:
    loss = build(COUNTS, reduction="mean")
    other = target.flip(0)
    first, second = (torch.nn.functional.one_hot(y, K).double() for y in (target, other))
    mixed = loss(logits, 0.3 * first + 0.7 * second)
    expected = 0.3 * loss(logits, target) + 0.7 * loss(logits, other)
    assert mixed.item() == pytest.approx(expected.item(), rel=1e-9)


@every_loss
@both_reductions
def test_soft_target_is_the_sum_over_all_classes(build: Build, reduction: str, logits: Tensor) -> None:
    loss = build(COUNTS, weights="inverse_sqrt", reduction=reduction)
    q = torch.rand(len(logits), K, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    q[0], q[1], q[2, 3] = torch.tensor([0, 1, 0, 0]), torch.tensor([0.5, 0, 0, 0.5]), 0
    q = q / q.sum(1, keepdim=True)
    w = loss.class_weight.double()
    columns = [loss.per_sample(logits, torch.full((len(logits),), c)) for c in range(K)]
    mass = q * w
    total = (mass * torch.stack(columns, 1)).sum()
    expected = total / (mass.sum() if reduction == "weighted_mean" else len(logits))
    assert loss(logits, q).item() == pytest.approx(expected.item(), rel=1e-9)


def test_unweighted_soft_cross_entropy_is_torchs(logits: Tensor) -> None:
    q = torch.rand(len(logits), K, dtype=torch.float64, generator=torch.Generator().manual_seed(2)).softmax(1)
    expected = torch.nn.functional.cross_entropy(logits, q)
    assert CrossEntropyLoss(COUNTS)(logits, q).item() == pytest.approx(expected.item(), abs=1e-9)


def test_a_soft_target_costs_as_many_hard_losses_as_it_has_classes() -> None:
    counts = [50] * 100
    loss = CrossEntropyLoss(counts)
    calls: list[int] = []
    hard = loss.per_sample
    loss.per_sample = lambda z, y: calls.append(1) or hard(z, y)  # type: ignore[method-assign, func-returns-value]
    q = torch.zeros(4, 100)
    q[:, 7], q[0, 30] = 1, 0.5
    q[0, 7] = 0.5
    loss(torch.zeros(4, 100), q)
    assert len(calls) == 2


@every_loss
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_logits(build: Build, dtype: torch.dtype, logits: Tensor, target: Tensor) -> None:
    loss = build(COUNTS, weights="effective")
    half = (20 * logits).to(dtype).requires_grad_()
    value = loss(half, target)
    value.backward()
    assert value.dtype == torch.float32
    assert half.grad is not None
    assert torch.isfinite(half.grad).all()
    assert torch.equal(value, loss(half.float(), target))
    soft = torch.nn.functional.one_hot(target, K).to(dtype)
    assert torch.equal(loss(half, soft), value)


@every_loss
def test_two_classes_and_one_sample_classes(build: Build) -> None:
    loss = build([40, 1], weights="inverse")
    logits = torch.tensor([[0.3, -0.2], [1.0, 2.0]], requires_grad=True)
    value = loss(logits, torch.tensor([0, 1]))
    value.backward()
    assert torch.isfinite(value)
    assert value.item() > 0
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


@every_loss
def test_buffers_stay_out_of_the_checkpoint(build: Build) -> None:
    loss = build(COUNTS, weights="effective")
    assert dict(loss.state_dict()) == {}
    assert {"class_counts", "class_weight"} <= {name for name, _ in loss.named_buffers()}
    assert loss.class_counts.dtype == torch.int64
    assert loss.class_counts.tolist() == COUNTS
    assert loss.class_weight.dtype == torch.float32
    assert list(loss.parameters()) == []


@every_loss
def test_set_class_weight_and_back(build: Build, logits: Tensor, target: Tensor) -> None:
    loss = build(COUNTS, weights="effective")
    before = loss(logits, target)
    loss.set_class_weight([1.0, 2.0, 3.0, 4.0])
    assert loss.class_weight.tolist() == [1, 2, 3, 4]
    assert loss(logits, target).item() != pytest.approx(before.item(), rel=1e-3)
    assert dict(loss.state_dict()) == {}
    loss.set_class_weight(None)
    assert torch.equal(loss(logits, target), before)


def test_given_weights_are_used_as_given() -> None:
    assert CrossEntropyLoss(COUNTS, weights=[4, 0, 0.5, 100]).class_weight.tolist() == [4, 0, 0.5, 100]


def test_set_class_weight_copies_and_keeps_type() -> None:
    loss = CrossEntropyLoss(COUNTS)
    weight = torch.ones(K, dtype=torch.float64)
    loss.set_class_weight(weight)
    weight.fill_(5)
    assert loss.class_weight.tolist() == [1] * K
    assert loss.class_weight.dtype == torch.float32


def test_set_class_weight_between_forward_and_backward() -> None:
    loss = CrossEntropyLoss(COUNTS, weights="inverse")
    logits = torch.randn(3, K, requires_grad=True)
    value = loss(logits, torch.tensor([0, 1, 3]))
    loss.set_class_weight(torch.ones(K))
    value.backward()
    assert logits.grad is not None


def test_a_copy_has_its_own_weights() -> None:
    loss = CrossEntropyLoss(COUNTS)
    other = copy.deepcopy(loss)
    other.set_class_weight([9, 9, 9, 9])
    assert loss.class_weight.tolist() == [1] * K


def test_a_batch_of_zero_weight_classes_teaches_nothing() -> None:
    loss = CrossEntropyLoss(COUNTS, weights=[0, 1, 1, 1], reduction="weighted_mean")
    logits = torch.randn(3, K, requires_grad=True)
    value = loss(logits, torch.tensor([0, 0, 0]))
    value.backward()
    assert value.item() == 0
    assert logits.grad is not None
    assert torch.equal(logits.grad, torch.zeros(3, K))


@every_loss
def test_empty_class_is_an_error(build: Build) -> None:
    with pytest.raises(InputError, match=r"classes \[2\] have no training sample"):
        build([5, 3, 0])


@every_loss
def test_one_class_is_an_error(build: Build) -> None:
    with pytest.raises(InputError, match=">= 2 classes"):
        build([5])


@pytest.mark.parametrize(
    "weights",
    [
        [1.0, 2.0],
        [1, 2, 3, -1],
        [1, 2, 3, float("nan")],
        [1, 2, 3, float("inf")],
        [0, 0, 0, 0],
        [1, "a", 2, 3],
        None,
    ],
)
def test_unusable_weights(weights: object) -> None:
    with pytest.raises(InputError, match="class weights"):
        CrossEntropyLoss(COUNTS, weights=weights)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": "balanced"}, "weights is 'balanced'; choose one of none"),
        ({"reduction": "sum"}, "reduction is 'sum'; choose one of weighted_mean, mean"),
        ({"beta": 2.0}, "beta is 2.0"),
        ({"beta": 2.0, "weights": [1, 1, 1, 1]}, "beta is 2.0"),
    ],
)
def test_unusable_option(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        CrossEntropyLoss(COUNTS, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("logits_shape", "bad_target"),
    [
        ((3, K + 1), torch.zeros(3, dtype=torch.int64)),
        ((3,), torch.zeros(3, dtype=torch.int64)),
        ((3, K), torch.zeros(2, dtype=torch.int64)),
        ((3, K), torch.zeros(3)),
        ((3, K), torch.zeros(3, K, dtype=torch.int64)),
        ((3, K), torch.zeros(3, K - 1)),
    ],
)
def test_shapes_that_do_not_fit(logits_shape: tuple[int, ...], bad_target: Tensor) -> None:
    with pytest.raises(InputError, match="shape"):
        CrossEntropyLoss(COUNTS)(torch.zeros(logits_shape), bad_target)


def test_named_weights_follow_the_samples_and_listed_ones_stay():
    named = CrossEntropyLoss([40, 20, 10], weights="inverse", beta=0.9, reduction="mean")
    named.weigh_for([7, 7, 7])
    assert named.class_weight.tolist() == [1.0, 1.0, 1.0]
    listed = CrossEntropyLoss([40, 20, 10], weights=[1.0, 2.0, 3.0], beta=0.9, reduction="mean")
    listed.weigh_for([7, 7, 7])
    assert listed.class_weight.tolist() == [1.0, 2.0, 3.0]
