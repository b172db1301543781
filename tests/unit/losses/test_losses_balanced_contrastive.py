"""Balanced contrastive learning against plain loops."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lightning_imb.losses.balanced_contrastive import BalancedContrastiveLoss, balanced_contrast
from lightning_imb.losses.logit_adjustment import LogitAdjustmentLoss
from lightning_imb.utils.errors import InputError

COUNTS = [200, 30, 7, 1]
K = len(COUNTS)


def vectors(number, classes=K, width=5, seed=0, dtype=torch.float64):
    draw = torch.Generator().manual_seed(seed)
    features = F.normalize(torch.randn(number, width, generator=draw, dtype=dtype), dim=1)
    centres = F.normalize(torch.randn(classes, width, generator=draw, dtype=dtype), dim=1)
    return features, torch.randint(classes, (number,), generator=draw), centres


def by_hand(features, target, centres, temperature):
    points = [*features.tolist(), *centres.tolist()]
    labels = [*target.tolist(), *range(len(centres))]
    losses = []
    for i in range(len(features)):
        s = [sum(a * b for a, b in zip(points[i], point, strict=True)) / temperature for point in points]
        others = [k for k in range(len(points)) if k != i]
        below = sum(math.exp(s[k]) / (labels.count(labels[k]) - (labels[k] == labels[i])) for k in others)
        positives = [k for k in others if labels[k] == labels[i]]
        losses.append(sum(math.log(below) - s[k] for k in positives) / len(positives))
    return sum(losses) / len(losses)


@pytest.mark.parametrize(("number", "classes"), [(12, 4), (6, 2), (1, 3), (4, 40)])
def test_contrast_is_its_formula(number, classes):
    features, target, centres = vectors(number, classes)
    value = balanced_contrast(features, target, centres, 0.2)
    assert value.item() == pytest.approx(by_hand(features, target, centres, 0.2), rel=1e-9)


def test_copies_of_a_class_weigh_no_more_than_one_for_the_other_classes():
    # an anchor of class 0 against class 1: a second, identical vector at its centre leaves the mean where it is
    anchor, centres = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    crowd = torch.cat([anchor, centres[1:].expand(5, -1)])
    below = math.log(math.e + 1)  # its own centre and the mean of class 1
    alone = balanced_contrast(anchor, torch.tensor([0]), centres, 1.0)
    assert alone.item() == pytest.approx(below - 1, rel=1e-6)
    labels = torch.tensor([0, 1, 1, 1, 1, 1])
    each = math.log(math.e + 1) - 1  # of class 1: five like itself in mean, and the centre of class 0 with the anchor
    assert balanced_contrast(crowd, labels, centres, 1.0).item() == pytest.approx((below - 1 + 5 * each) / 6, rel=1e-6)


def test_gradients_are_finite_at_a_small_temperature():
    features, target, centres = vectors(8, dtype=torch.float32)
    features = features[:1].repeat(8, 1).requires_grad_()
    balanced_contrast(features, target, centres, 1e-3).backward()
    assert torch.isfinite(features.grad).all()


class Head(nn.Module):
    """A classifier and projections, as small as can be."""

    def __init__(self, width=6):
        super().__init__()
        torch.manual_seed(0)
        self.classifier, self.projection = nn.Linear(width, K), nn.Linear(width, 5)

    def forward(self, z):
        return self.classifier(z)

    def project(self, z):
        return F.normalize(self.projection(z), dim=1)

    def centres(self):
        return F.normalize(self.projection(self.classifier.weight), dim=1)


def test_two_views_add_the_contrast_and_the_first_one_is_classified():
    head, z, target = Head(), torch.randn(14, 6), torch.arange(7) % K
    loss = BalancedContrastiveLoss(COUNTS, contrast=0.5, temperature=0.1, weights="inverse")
    value, logits = loss.from_embeddings(head, z, target)
    classified = LogitAdjustmentLoss(COUNTS, weights="inverse")(head(z[:7]), target)
    contrast = by_hand(head.project(z), torch.cat([target, target]), head.centres(), 0.1)
    assert torch.equal(logits, head(z[:7]))
    assert value.item() == pytest.approx(classified.item() + 0.5 * contrast, rel=1e-5)
    value.backward()
    assert all(torch.isfinite(p.grad).all() and p.grad.abs().sum() > 0 for p in head.parameters())


def test_one_view_is_the_cross_entropy_alone():
    z, target = torch.randn(7, 6), torch.arange(7) % K
    head = nn.Linear(6, K)
    value, logits = BalancedContrastiveLoss(COUNTS).from_embeddings(head, z, target)
    assert torch.equal(value, LogitAdjustmentLoss(COUNTS)(head(z), target))
    assert torch.equal(logits, head(z))


@pytest.mark.parametrize("rows", [5, 8, 21])
def test_rows_that_are_no_views_are_refused(rows):
    with pytest.raises(InputError):
        BalancedContrastiveLoss(COUNTS).from_embeddings(Head(), torch.randn(rows, 6), torch.arange(7) % K)


def test_two_views_need_a_head_with_projections():
    with pytest.raises(InputError, match="head with projections, not Linear"):
        BalancedContrastiveLoss(COUNTS).from_embeddings(nn.Linear(6, K), torch.randn(4, 6), torch.tensor([0, 1]))


def test_mixed_labels_are_refused():
    loss = BalancedContrastiveLoss(COUNTS)
    with pytest.raises(InputError, match="soft targets"):
        loss.from_embeddings(Head(), torch.randn(4, 6), torch.full((2, K), 1 / K))


def test_half_precision_logits():
    logits = torch.randn(6, K).half().requires_grad_()
    value = BalancedContrastiveLoss([300, 9, 2, 1])(logits, torch.arange(6) % K)
    value.backward()
    assert value.dtype == torch.float32
    assert torch.isfinite(logits.grad).all()


def test_it_asks_for_two_views_hard_labels_and_its_head():
    loss = BalancedContrastiveLoss
    assert (loss.views, loss.hard_labels_only, loss.required_head) == (2, True, "contrastive")


@pytest.mark.parametrize(
    ("options", "word"), [({"contrast": -1.0}, "contrast is -1"), ({"temperature": 0.0}, "temper")]
)
def test_unusable_options_are_named(options, word):
    with pytest.raises(InputError, match=word):
        BalancedContrastiveLoss(COUNTS, **options)
