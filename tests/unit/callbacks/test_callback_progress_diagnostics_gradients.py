"""Gradients of single samples: what a loss adds for each, with the class weights as it reads them."""

import functools

import pytest
import torch
from torch.nn.functional import cross_entropy

from lightning_imb.callbacks.progress_diagnostics import feature_gradients
from lightning_imb.losses import (
    ClassWeightedSmoothingLoss,
    CrossEntropyLoss,
    FocalLoss,
    InfluenceBalancedLoss,
    LADELoss,
    LDAMLoss,
    LogitAdjustmentLoss,
    RIDELoss,
)
from lightning_imb.models.experts import ExpertHead
from lightning_imb.models.heads import CosineHead

COUNTS = (40, 20, 10)

LOSSES = {
    "ce": (CrossEntropyLoss, lambda z, y: cross_entropy(z, y)),
    "focal": (
        functools.partial(FocalLoss, gamma=2.0),
        lambda z, y: (1 - z.softmax(1)[0, y]) ** 2 * cross_entropy(z, y),
    ),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("reduction", ["weighted_mean", "mean"])
@pytest.mark.parametrize("weights", ["none", "inverse"])
@pytest.mark.parametrize("rows", [1, 30])
def test_gradients_are_of_single_samples_times_their_weights(name, reduction, weights, rows):
    torch.manual_seed(0)
    make, formula = LOSSES[name]
    loss, head = make(COUNTS, weights=weights, reduction=reduction), torch.nn.Linear(5, 3)
    z, y = torch.randn(30, 5), torch.randint(3, (30,))
    parts = list(zip(z.split(rows), y.split(rows), strict=True))
    found = torch.cat([feature_gradients(loss, head, part, head(part).detach(), target) for part, target in parts])
    before = loss.class_weight.clone()
    for i in range(30):
        row = z[i : i + 1].clone().requires_grad_()
        (loss.class_weight[y[i]] * formula(head(row), y[i : i + 1]).sum()).backward()
        torch.testing.assert_close(found[i], row.grad.norm(), rtol=1e-4, atol=1e-6)
    assert torch.equal(loss.class_weight, before)
    assert head.weight.grad is not None  # of the loop above


def by_rows(make, moment, head, z, y):
    """Norms of the gradient of each sample's own loss: a loss that is new for each, of a batch of one."""
    norms = []
    for row, label in zip(z.split(1), y.split(1), strict=True):
        loss = make().eval()
        loss.begin_epoch(*moment)
        mine = row.clone().requires_grad_()
        loss.from_embeddings(head, mine, label)[0].backward()
        norms.append(mine.grad.norm())
    return torch.stack(norms)


def linear_head():
    return torch.nn.Linear(6, 3)


def experts():
    return ExpertHead([CosineHead(2, 3, 30.0) for _ in range(3)])


OWN_WEIGHTS = {  # with the mean over a batch of one, which leaves the class weight as it is
    "influence_balanced": (functools.partial(InfluenceBalancedLoss, COUNTS, alpha=1.0), linear_head),
    "ride": (functools.partial(RIDELoss, COUNTS, reduction="mean"), experts),
    "class_weighted_smoothing": (functools.partial(ClassWeightedSmoothingLoss, COUNTS, reduction="mean"), linear_head),
    "focal_official": (
        functools.partial(FocalLoss, COUNTS, gamma=1.5, p_from="official", weights="inverse", reduction="mean"),
        linear_head,
    ),
}


@pytest.mark.parametrize("name", OWN_WEIGHTS)
@pytest.mark.parametrize("epoch", [0, 9])
def test_class_weights_count_as_the_loss_reads_them(name, epoch):
    """Not before they begin, and not as a factor where they are more than one."""
    torch.manual_seed(0)
    make, head_of = OWN_WEIGHTS[name]
    head, loss = head_of(), make()
    z, y = torch.randn(12, 6), torch.arange(3).repeat(4)
    loss.begin_epoch(epoch, 10)
    logits = head(z).detach()
    before = loss.from_embeddings(head, z, y)[0]
    found = feature_gradients(loss, head, z, logits, y)
    torch.testing.assert_close(found, by_rows(make, (epoch, 10), head, z, y), rtol=1e-4, atol=1e-6)
    assert torch.equal(loss.from_embeddings(head, z, y)[0], before)


def test_a_weighted_mean_is_no_part_of_a_gradient():
    torch.manual_seed(0)
    head, z, y = linear_head(), torch.randn(12, 6), torch.arange(3).repeat(4)
    kinds = [ClassWeightedSmoothingLoss(COUNTS, reduction=reduction) for reduction in ("weighted_mean", "mean")]
    one, other = (feature_gradients(loss, head, z, head(z).detach(), y) for loss in kinds)
    torch.testing.assert_close(one, other)


def test_a_term_of_the_batch_is_left_out():
    torch.manual_seed(0)
    head, z, y = linear_head(), torch.randn(12, 6), torch.arange(3).repeat(4)
    loss = LADELoss(COUNTS, alpha=5.0)
    found = feature_gradients(loss, head, z, head(z).detach(), y)
    torch.testing.assert_close(found, feature_gradients(LogitAdjustmentLoss(COUNTS), head, z, head(z).detach(), y))
    assert not torch.allclose(loss(head(z), y), LogitAdjustmentLoss(COUNTS)(head(z), y))  # in training it stays


def test_gradients_behind_a_cosine_head():
    torch.manual_seed(0)
    loss, head = LDAMLoss(COUNTS), CosineHead(5, 3, 30.0)
    z, y = torch.randn(12, 5), torch.randint(3, (12,))
    found = feature_gradients(loss, head, z, head(z).detach(), y)
    assert head.weight.grad is None
    for i in range(12):
        row = z[i : i + 1].clone().requires_grad_()
        loss(head(row), y[i : i + 1]).backward()
        torch.testing.assert_close(found[i], row.grad.norm(), rtol=1e-4, atol=1e-6)
