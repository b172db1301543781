import pytest
import torch
from helpers.posthoc import given, linear, must_not_be_asked, recalls
from torch import nn

from lightning_imb.models.contrastive import ContrastiveHead
from lightning_imb.models.heads import CosineHead
from lightning_imb.posthoc import TauNorm
from lightning_imb.utils.errors import InputError


def by_loops(weight, tau):
    rows = []
    for row in weight.tolist():
        length = sum(x * x for x in row) ** 0.5
        rows.append([x / length**tau for x in row] if length > 0 else row)
    return torch.tensor(rows)


@pytest.mark.parametrize("tau", [0.0, 0.3, 1.0, 2.0])
@pytest.mark.parametrize("bias", ["drop", "keep"])
def test_rows_are_divided_by_their_length_to_the_power_of_tau(tau, bias):
    head = linear()
    adjusted = TauNorm(tau=tau, bias=bias).adjust(given(head)).head
    z = torch.randn(9, 6)
    offset = head.bias if bias == "keep" else 0
    assert torch.allclose(adjusted(z), z @ by_loops(head.weight, tau).T + offset, atol=1e-5)


def test_tau_1_makes_all_rows_equally_long():
    weight, bias = TauNorm(tau=1).adjust(given()).head.linear()
    assert torch.allclose(weight.norm(dim=1), torch.ones(4))
    assert torch.equal(bias, torch.zeros(4))


def test_tau_0_with_the_bias_kept_is_the_trained_head():
    head, z = linear(), torch.randn(50, 6)
    assert torch.equal(TauNorm(tau=0, bias="keep").adjust(given(head)).head(z), head(z))


def test_a_row_of_zeros_stays():
    head = linear()
    with torch.no_grad():
        head.weight[2] = 0
    weight, _ = TauNorm(tau=1.5).adjust(given(head)).head.linear()
    assert torch.equal(weight[2], torch.zeros(6))
    assert torch.isfinite(weight).all()


def test_a_head_of_half_precision_is_normalised_in_full():
    head = linear()
    with torch.no_grad():
        head.weight.mul_(3e4 / head.weight.abs().max())  # squares of it overflow in half precision
    weight, _ = TauNorm(tau=1).adjust(given(head.half())).head.linear()
    assert weight.dtype == torch.float16
    assert torch.allclose(weight.float().norm(dim=1), torch.ones(4), atol=1e-3)


def test_a_head_that_equals_a_linear_one_is_taken_for_it():
    class Scaled(nn.Module):
        def __init__(self, head):
            super().__init__()
            self.head = head

        def linear(self):
            return 3 * self.head.weight, 3 * self.head.bias

    z, inner = torch.randn(5, 6), linear()
    adjusted = TauNorm(tau=0, bias="keep").adjust(given(Scaled(inner))).head
    assert torch.allclose(adjusted(z), 3 * inner(z), atol=1e-6)


def test_a_head_without_bias_has_none_to_keep():
    head = nn.Linear(6, 4, bias=False)
    z = torch.randn(5, 6)
    assert torch.equal(TauNorm(tau=0, bias="keep").adjust(given(head)).head(z), head(z))


@pytest.mark.parametrize("head", [CosineHead(6, 4, scale=30), nn.Sequential(nn.Linear(6, 4))])
def test_rows_without_lengths_are_refused(head):
    with pytest.raises(InputError, match=f"{type(head).__name__}: set model.head=linear"):
        TauNorm(tau=1).check(given(head))


def test_a_module_called_linear_is_no_answer():
    head = nn.Sequential()
    head.linear = nn.Linear(6, 4)
    with pytest.raises(InputError, match="is a Sequential"):
        TauNorm(tau=1).check(given(head))


def test_a_given_tau_looks_at_no_data():
    adjusted = TauNorm(tau=0.5).adjust(given(train=must_not_be_asked, val=None))
    assert adjusted.report == {"posthoc": "tau_norm", "tau": 0.5, "searched_on": None, "bias": "drop"}


def test_the_search_finds_the_tau_of_a_search_by_hand():
    grid = [0.0, 0.5, 1.0, 2.0]
    question = given()
    adjusted = TauNorm(tau="search", grid=grid).adjust(question)
    z, target = question.val()
    by_hand = [recalls(z @ by_loops(question.head.weight, tau).T, target) for tau in grid]
    means = [sum(values) / len(values) for values in by_hand]
    assert adjusted.report["val_bacc"] == pytest.approx(means)
    assert adjusted.report["tau"] == grid[means.index(max(means))]
    assert adjusted.report["searched_on"] == "val"
    assert len(set(means)) > 1  # or any tau would do
    weight, _ = adjusted.head.linear()
    assert torch.allclose(weight, by_loops(question.head.weight, adjusted.report["tau"]), atol=1e-6)


def test_the_classifier_of_a_contrastive_head_is_rescaled():
    inside, z = linear(), torch.randn(9, 6)
    adjusted = TauNorm(tau=0.7).adjust(given(ContrastiveHead(inside, 6))).head
    assert torch.equal(adjusted(z), TauNorm(tau=0.7).adjust(given(inside)).head(z))
    with pytest.raises(InputError, match="CosineHead"):
        TauNorm(tau=0.7).adjust(given(ContrastiveHead(CosineHead(6, 4, 30.0), 6)))
