import math

import pytest
import torch
import torch.nn.functional as F
from helpers.posthoc import given, linear
from torch import nn

from lightning_imb.posthoc import Temperature
from lightning_imb.posthoc.temperature import best_temperature, slope
from lightning_imb.utils.errors import InputError


def nll(logits, target, temperature):
    """Mean cross entropy of ``logits / temperature``, by loops."""
    total = 0.0
    for row, y in zip(logits.tolist(), target.tolist(), strict=True):
        scaled = [x / temperature for x in row]
        total += math.log(sum(math.exp(x) for x in scaled)) - scaled[y]
    return total / len(target)


def noisy(temperature, rows=20000, seed=0):
    """Logits whose classes were drawn from the softmax of ``logits / temperature``."""
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(rows, 5, generator=generator, dtype=torch.float64)
    return logits, torch.multinomial((logits / temperature).softmax(1), 1, generator=generator).squeeze(1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_the_labels_were_drawn_with_is_found(temperature):
    assert best_temperature(*noisy(temperature)) == pytest.approx(temperature, rel=0.05)


def test_no_neighbour_is_better():
    logits, target = noisy(1.7, rows=200)
    best = best_temperature(logits, target)
    assert nll(logits, target, best) <= min(nll(logits, target, best * f) for f in (0.5, 0.99, 0.9999, 1.0001, 1.01, 2))


def test_the_slope_is_the_derivative():
    logits, target = noisy(1.3, rows=50)
    sharpness = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
    F.cross_entropy(sharpness * logits, target).backward()
    assert slope(logits, target, 0.8) == pytest.approx(float(sharpness.grad))


@pytest.mark.parametrize(("target", "bound"), [([0, 1], 0.05), ([1, 0], 20.0)])
def test_a_validation_set_all_right_or_all_wrong_stays_within_bounds(target, bound):
    assert best_temperature(4 * torch.eye(2, dtype=torch.float64), torch.tensor(target)) == pytest.approx(bound)


@pytest.mark.parametrize(("sign", "bound"), [(1, 0.05), (-1, 20.0)])
def test_a_search_that_its_range_stops_says_so(caplog, sign, bound):
    head = nn.Linear(4, 4, bias=False)
    nn.init.eye_(head.weight)
    question = given(head)._replace(val=lambda: (sign * 4 * torch.eye(4), torch.arange(4)))
    with caplog.at_level("WARNING", logger="lightning_imb"):
        report = Temperature().adjust(question).report
    assert report["stopped_at_bound"] == bound
    assert f"stopped at {bound:g}" in caplog.text


def test_a_search_that_ends_inside_its_range_is_silent(caplog):
    logits, target = noisy(1.7, rows=500)
    question = given(nn.Identity(), counts=(5, 4, 3, 2, 1))._replace(val=lambda: (logits, target))
    with caplog.at_level("WARNING", logger="lightning_imb"):
        report = Temperature().adjust(question).report
    assert "stopped_at_bound" not in report
    assert report["temperature"] == pytest.approx(1.7, rel=0.2)
    assert caplog.text == ""


def test_where_nothing_depends_on_it_the_temperature_is_1():
    assert best_temperature(torch.zeros(3, 4, dtype=torch.float64), torch.tensor([0, 1, 2])) == 1


def test_predictions_stay_and_the_validation_loss_falls():
    question, z = given(), torch.randn(100, 6)
    adjusted = Temperature().adjust(question)
    assert torch.equal(adjusted.head(z).argmax(1), question.head(z).argmax(1))
    held, target = question.val()
    assert adjusted.report["searched_on"] == "val"
    assert adjusted.report["val_nll_before"] == pytest.approx(nll(question.head(held), target, 1.0), abs=1e-5)
    assert adjusted.report["val_nll"] == pytest.approx(F.cross_entropy(adjusted.head(held), target).item(), abs=1e-5)
    assert adjusted.report["val_nll"] < adjusted.report["val_nll_before"]


def test_a_given_temperature_divides_the_logits():
    head, z = linear(), torch.randn(5, 6)
    adjusted = Temperature(2.5).adjust(given(head, val=None))
    assert torch.allclose(adjusted.head(z), head(z) / 2.5)
    assert adjusted.report == {"posthoc": "temperature", "temperature": 2.5, "searched_on": None}


def test_1_is_the_trained_head():
    head, z = nn.Sequential(nn.Linear(6, 4)), torch.randn(5, 6)
    assert torch.equal(Temperature(1).adjust(given(head)).head(z), head(z))


@pytest.mark.parametrize("value", [0, -1, 1000, "auto", True, float("nan")])
def test_an_unusable_temperature_is_refused(value):
    with pytest.raises(InputError, match=r"posthoc\.temperature is"):
        Temperature(value)
