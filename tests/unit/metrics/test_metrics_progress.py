"""Progress of training: gradients in closed form and by autograd, confusion with major classes."""

import pytest
import torch
from torch.nn.functional import cross_entropy, one_hot

from lightning_imb.metrics import (
    FrequencyGroups,
    class_means,
    gradient_norms,
    linear_gradient_norms,
    progress_summary,
)

N, D, K = 40, 6, 5


@pytest.fixture
def case() -> tuple[torch.Tensor, ...]:
    random = torch.Generator().manual_seed(0)
    shapes = ((N, D), (K, D), (K,))
    z, weight, bias = (torch.randn(shape, generator=random, dtype=torch.float64) for shape in shapes)
    return z, weight, bias, torch.randint(K, (N,), generator=random)


def test_the_closed_form_is_what_autograd_gives(case: tuple[torch.Tensor, ...]) -> None:
    z, weight, bias, y = case

    def total(rows: torch.Tensor) -> torch.Tensor:
        return cross_entropy(rows @ weight.T + bias, y, reduction="sum")

    found = linear_gradient_norms(weight, z @ weight.T + bias, y)
    torch.testing.assert_close(found, gradient_norms(total, z), rtol=0, atol=1e-10)
    assert not z.requires_grad


def test_the_closed_form_of_each_sample_written_out(case: tuple[torch.Tensor, ...]) -> None:
    z, weight, bias, y = case
    found = linear_gradient_norms(weight, z @ weight.T + bias, y)
    for i in range(N):
        p = torch.softmax(z[i] @ weight.T + bias, dim=0)
        error = [float(p[c]) - (c == int(y[i])) for c in range(K)]
        gradient = [sum(error[c] * float(weight[c, d]) for c in range(K)) for d in range(D)]
        assert float(found[i]) == pytest.approx(sum(g * g for g in gradient) ** 0.5, abs=1e-12)


def test_the_closed_form_takes_shares(case: tuple[torch.Tensor, ...]) -> None:
    z, weight, bias, y = case
    logits, hard = z @ weight.T + bias, one_hot(y, K).double()
    smoothed = 0.9 * hard + 0.1 / K
    torch.testing.assert_close(linear_gradient_norms(weight, logits, hard), linear_gradient_norms(weight, logits, y))

    def total(rows: torch.Tensor) -> torch.Tensor:
        return cross_entropy(rows @ weight.T + bias, y, reduction="sum", label_smoothing=0.1)

    found = linear_gradient_norms(weight, logits, smoothed)
    torch.testing.assert_close(found, gradient_norms(total, z), rtol=0, atol=1e-10)


def test_two_classes_have_a_form_of_their_own(case: tuple[torch.Tensor, ...]) -> None:
    z, weight, bias, y = case[0], case[1][:2], case[2][:2], case[3] % 2
    logits = z @ weight.T + bias
    p = logits.softmax(dim=1)[torch.arange(N), y]
    wanted = (1 - p) * torch.linalg.vector_norm(weight[1] - weight[0])
    torch.testing.assert_close(linear_gradient_norms(weight, logits, y), wanted, rtol=0, atol=1e-12)


def test_no_weights_or_a_perfect_prediction_give_no_gradient(case: tuple[torch.Tensor, ...]) -> None:
    _, weight, bias, y = case
    assert linear_gradient_norms(torch.zeros(K, D).double(), bias.expand(N, K), y).tolist() == [0.0] * N
    assert linear_gradient_norms(weight, 1e4 * one_hot(y, K).double(), y).tolist() == [0.0] * N


def test_the_size_of_the_batch_does_not_matter(case: tuple[torch.Tensor, ...]) -> None:
    z, weight, bias, y = case
    whole = linear_gradient_norms(weight, z @ weight.T + bias, y)
    parts = [linear_gradient_norms(weight, z[i : i + 1] @ weight.T + bias, y[i : i + 1]) for i in range(N)]
    torch.testing.assert_close(torch.cat(parts), whole, rtol=0, atol=1e-12)


def test_weights_of_the_head_get_no_gradient(case: tuple[torch.Tensor, ...]) -> None:
    z, y = case[0], case[3]
    head = torch.nn.Linear(D, K).double()
    gradient_norms(lambda rows: cross_entropy(head(rows), y, reduction="sum"), z)
    assert head.weight.grad is None


def test_gradients_are_found_where_they_are_switched_off(case: tuple[torch.Tensor, ...]) -> None:
    with torch.no_grad():
        found = gradient_norms(lambda rows: (rows**2).sum(), case[0])
        assert not torch.is_grad_enabled()
    torch.testing.assert_close(found, 2 * torch.linalg.vector_norm(case[0], dim=1))


def test_means_over_classes() -> None:
    means = class_means(torch.tensor([1.0, 3.0, 5.0]), torch.tensor([0, 0, 2]), 4)
    assert means.tolist()[:1] + means.tolist()[2:3] == [2.0, 5.0]
    assert means[[1, 3]].isnan().all()


GROUPS = FrequencyGroups(major=(1,), middle=(2,), minor=(0, 3))
TARGET = torch.tensor([1, 1, 1, 1, 2, 2, 0, 0, 3])
PREDICTED = torch.tensor([1, 1, 1, 0, 1, 2, 1, 0, 1])
GRADIENTS = torch.tensor([1.0, 1, 1, 5, 4, 2, 6, 2, 10])


def test_a_look_worked_out_by_hand() -> None:
    found = progress_summary(PREDICTED, TARGET, GRADIENTS, 4, GROUPS, per_class=True)
    assert found == pytest.approx(
        {
            **{"recall/0": 0.5, "recall/1": 0.75, "recall/2": 0.5, "recall/3": 0.0},
            **{"recall_major": 0.75, "recall_middle": 0.5, "recall_minor": 0.25},
            **{"gradient/0": 4.0, "gradient/1": 2.0, "gradient/2": 3.0, "gradient/3": 10.0},
            **{"gradient_major": 2.0, "gradient_middle": 3.0, "gradient_minor": 7.0},
            **{"gradient_total_major": 8.0, "gradient_total_middle": 6.0, "gradient_total_minor": 18.0},
            **{"gradient_ratio": 3.5, "minor_to_major": 2 / 3},
        }
    )
    assert all(type(value) is float for value in found.values())


def test_classes_one_by_one_only_where_wanted() -> None:
    found = progress_summary(PREDICTED, TARGET, GRADIENTS, 4, GROUPS, per_class=False)
    assert not any("/" in name for name in found)


def test_without_gradients_and_without_groups() -> None:
    found = progress_summary(PREDICTED, TARGET, None, 4, FrequencyGroups((), (0, 1, 2, 3), ()), per_class=False)
    assert found == {"recall_middle": pytest.approx(0.4375)}


def test_no_ratio_to_nothing() -> None:
    gradients = GRADIENTS * (TARGET != 1)
    found = progress_summary(PREDICTED, TARGET, gradients, 4, GROUPS, per_class=False)
    assert found["gradient_major"] == 0
    assert "gradient_ratio" not in found
