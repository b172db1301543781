"""The weight vectors of a head give its logits."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lightning_imb.models.class_weights import head_weights
from lightning_imb.models.contrastive import ContrastiveHead
from lightning_imb.models.experts import ExpertHead
from lightning_imb.models.heads import CosineHead, LinearHead
from lightning_imb.models.scaled_head import ScaledHead
from lightning_imb.posthoc import AffineLogits, CentroidHead, FixedLinear

SCALE, SHIFT = torch.tensor(0.5), torch.tensor([1.0, -2.0, 3.0])


def linear():
    head = LinearHead(4, 3, "kaiming_normal")
    nn.init.uniform_(head.bias)
    return head


def scaled(head):
    made = ScaledHead(head, 3)
    nn.init.uniform_(made.scales, 0.5, 2)
    return made


LINEAR = {
    "linear": linear,
    "scaled": lambda: scaled(linear()),
    "contrastive": lambda: ContrastiveHead(linear(), 4),
    "scaled contrastive": lambda: scaled(ContrastiveHead(linear(), 4)),
    "fixed": lambda: FixedLinear(torch.randn(3, 4), torch.randn(3)),
    "affine": lambda: AffineLogits(linear(), SCALE, SHIFT),
    "affine scaled": lambda: AffineLogits(scaled(linear()), SCALE, SHIFT),
    "without bias": lambda: nn.Linear(4, 3, bias=False),
}
COSINE = {
    "cosine": lambda: CosineHead(4, 3, 30.0),
    "contrastive cosine": lambda: ContrastiveHead(CosineHead(4, 3, 16.0), 4),
    "affine cosine": lambda: AffineLogits(CosineHead(4, 3, 30.0), SCALE, SHIFT),
}


@pytest.mark.parametrize("name", LINEAR)
def test_linear_heads(name):
    torch.manual_seed(0)
    head, z = LINEAR[name]().eval(), torch.randn(5, 4)
    found = head_weights(head)
    assert (found.kind, found.scale) == ("linear", 1.0)
    logits = z.numpy() @ found.weight.T + found.bias
    assert np.allclose(logits, head(z).detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("name", COSINE)
def test_cosine_heads(name):
    torch.manual_seed(0)
    head, z = COSINE[name]().eval(), torch.randn(5, 4)
    found = head_weights(head)
    assert found.kind == "cosine"
    cosines = F.normalize(z).numpy() @ F.normalize(torch.from_numpy(found.weight)).numpy().T
    assert np.allclose(found.scale * cosines + found.bias, head(z).detach().numpy(), atol=1e-4)


@pytest.mark.parametrize(
    "head",
    [
        ExpertHead([LinearHead(2, 3, "default"), LinearHead(2, 3, "default")]),
        CentroidHead(torch.randn(3, 4), torch.zeros(4), normalise=False),
        ScaledHead(CosineHead(4, 3, 30.0), 3),
        AffineLogits(ExpertHead([LinearHead(2, 3, "default")]), SCALE, SHIFT),
    ],
)
def test_heads_without_one_vector_per_class(head):
    assert head_weights(head) is None


def test_what_is_read_is_a_copy():
    head = linear()
    head_weights(head).weight[:] = 0
    assert (head.weight != 0).all()
