import pytest
import torch

from lightning_imb.models.contrastive import ContrastiveHead
from lightning_imb.models.experts import ExpertHead
from lightning_imb.models.heads import CosineHead, LinearHead, RegressionHead, build_head, draw_anew
from lightning_imb.utils.errors import InputError


def test_cosine_head_is_scaled_cosine():
    head = CosineHead(5, 3, scale=30)
    z = torch.randn(4, 5, dtype=torch.float64)
    weight = head.weight.detach().double()
    expected = [[30 * torch.cosine_similarity(row, weight[:, c], dim=0) for c in range(3)] for row in z]
    assert torch.allclose(head(z.float()).double(), torch.tensor(expected, dtype=torch.float64), atol=1e-5)


def test_cosine_head_starts_with_unit_columns():
    assert torch.allclose(CosineHead(64, 10, scale=30).weight.norm(dim=0), torch.ones(10), atol=1e-3)


def test_cosine_head_ignores_the_length_of_embeddings_and_survives_zero():
    head = CosineHead(5, 3, scale=30)
    z = torch.randn(4, 5)
    assert torch.allclose(head(z), head(7 * z), atol=1e-4)
    assert torch.isfinite(head(torch.zeros(1, 5))).all()


def test_kaiming_start_has_its_deviation():
    weight = LinearHead(4096, 100, init="kaiming_normal").weight
    assert weight.std().item() == pytest.approx((2 / 4096) ** 0.5, rel=0.02)


@pytest.mark.parametrize(
    ("kind", "required", "expected"),
    [
        ("auto", None, LinearHead),
        ("auto", "cosine", CosineHead),
        ("cosine", None, CosineHead),
        ("linear", None, LinearHead),
    ],
)
def test_head_follows_config_and_loss(kind, required, expected):
    assert type(build_head(kind, required, 8, 3, 30.0, "default")) is expected


def test_head_that_contradicts_the_loss_is_refused():
    with pytest.raises(InputError, match=r"needs a cosine head, but model.head=linear"):
        build_head("linear", "cosine", 8, 3, 30.0, "default")


@pytest.mark.parametrize(
    ("kind", "scale", "init"),
    [("round", 30.0, "default"), ("cosine", 0.0, "default"), ("linear", 30.0, "zero")],
)
def test_bad_head_settings_are_named(kind, scale, init):
    with pytest.raises(InputError):
        build_head(kind, None, 8, 3, scale, init)


@pytest.mark.parametrize(
    ("kind", "required", "expected"),
    [("auto", None, LinearHead), ("auto", "cosine", CosineHead), ("cosine", None, CosineHead)],
)
def test_several_experts_have_as_many_heads_on_parts_of_the_embedding(kind, required, expected):
    head = build_head(kind, required, 24, 5, 30.0, "default", experts=3)
    assert isinstance(head, ExpertHead)
    assert [type(part) for part in head.heads] == [expected] * 3
    assert head(torch.randn(2, 24)).shape == (2, 5)
    assert all(part.rows.shape == (5, 8) for part in head.heads)


@pytest.mark.parametrize(("kind", "inside"), [("auto", LinearHead), ("linear", LinearHead), ("cosine", CosineHead)])
def test_a_contrastive_head_has_the_classifier_of_the_config(kind, inside):
    head = build_head(kind, "contrastive", 8, 3, 30.0, "default")
    assert isinstance(head, ContrastiveHead)
    assert type(head.classifier) is inside


def test_a_contrastive_loss_has_no_experts():
    with pytest.raises(InputError, match=r"model\.experts=3: use model"):
        build_head("auto", "contrastive", 24, 3, 30.0, "default", experts=3)


@pytest.mark.parametrize("head", [LinearHead(4, 3, "default"), CosineHead(4, 3, scale=1.0)])
def test_rows_are_the_weights_of_the_classes(head):
    z = torch.nn.functional.normalize(torch.randn(6, 4), dim=1)
    rows = head.rows if isinstance(head, LinearHead) else torch.nn.functional.normalize(head.rows, dim=1)
    bias = head.bias if isinstance(head, LinearHead) else 0
    torch.testing.assert_close(head(z), torch.stack([rows @ row for row in z]) + bias)


@pytest.mark.parametrize("bias", [True, False])
def test_regression_head_gives_one_number_for_each_row(bias):
    head, z = RegressionHead(4, bias=bias), torch.randn(3, 4)
    expected = [[sum(float(w) * float(x) for w, x in zip(head.weight[0].detach(), row, strict=True))] for row in z]
    assert torch.allclose(head(z), torch.tensor(expected) + (head.bias if bias else 0), atol=1e-6)
    assert [name for name, _ in head.named_parameters()] == (["weight", "bias"] if bias else ["weight"])


def test_regression_head_starts_anew():
    head = RegressionHead(4, bias=True)
    before = head.weight.clone()
    draw_anew(head)
    assert not torch.equal(head.weight, before)


def test_regression_head_takes_true_or_false_only():
    with pytest.raises(InputError, match=r"model.head_bias is 'no'; give true or false"):
        RegressionHead(4, bias="no")
