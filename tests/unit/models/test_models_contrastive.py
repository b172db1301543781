"""The contrastive head: a classifier for all purposes, with projections beside it."""

import pytest
import torch

from lightning_imb.models.contrastive import ContrastiveHead
from lightning_imb.models.heads import CosineHead, LinearHead
from lightning_imb.models.scaled_head import ScaledHead
from lightning_imb.utils.errors import InputError

WIDTH, CLASSES = 6, 4


def head(kind="linear"):
    torch.manual_seed(0)
    plain = LinearHead(WIDTH, CLASSES, "default") if kind == "linear" else CosineHead(WIDTH, CLASSES, scale=30)
    return ContrastiveHead(plain, WIDTH)


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_its_logits_are_those_of_the_classifier(kind):
    made, z = head(kind), torch.randn(5, WIDTH)
    assert torch.equal(made(z), made.classifier(z))


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_centres_and_projections_lie_on_the_sphere(kind):
    made = head(kind)
    for vectors, number in ((made.project(torch.randn(5, WIDTH)), 5), (made.centres(), CLASSES)):
        assert vectors.shape == (number, 128)
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones(number))


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_centres_are_made_from_the_weights_of_their_classes(kind):
    made = head(kind).eval()
    before = made.centres()
    with torch.no_grad():
        (made.classifier.weight[2] if kind == "linear" else made.classifier.weight[:, 2]).neg_()
    changed = (made.centres() != before).any(dim=1)
    assert changed.tolist() == [False, False, True, False]


def test_two_classes_and_one_image_in_two_views_can_train():
    made = ContrastiveHead(LinearHead(WIDTH, 2, "default"), WIDTH).train()
    assert torch.isfinite(made.project(torch.randn(2, WIDTH))).all()
    assert torch.isfinite(made.centres()).all()


def test_a_restart_draws_every_layer_anew():
    made = head()
    made.project(torch.randn(8, WIDTH))
    before = {name: value.clone() for name, value in made.state_dict().items()}
    made.reset_parameters()
    after = made.state_dict()
    drawn = [name for name in after if name.endswith("weight") and after[name].ndim == 2]
    assert len(drawn) == 5
    assert not any(torch.equal(before[name], after[name]) for name in drawn)
    assert after["projection.1.num_batches_tracked"] == 0


def test_it_names_the_parts_that_have_no_share_in_the_logits():
    made = head()
    made(torch.randn(3, WIDTH)).sum().backward()
    idle = {id(p) for part in made.phase_1_only for p in part.parameters()}
    assert idle == {id(p) for p in made.parameters() if p.grad is None}


@pytest.mark.parametrize("scaled", [False, True])
def test_it_is_one_linear_map_where_its_classifier_is(scaled):
    def dressed(made):
        if scaled:
            made = ScaledHead(made, CLASSES)
            torch.nn.init.uniform_(made.scales)
        return made

    made, z = dressed(head()), torch.randn(5, WIDTH)
    weight, bias = made.linear()
    torch.testing.assert_close(z @ weight.T + bias, made(z))
    with pytest.raises(InputError, match=r"CosineHead is no linear head: use model\.head=linear"):
        dressed(head("cosine")).linear()
