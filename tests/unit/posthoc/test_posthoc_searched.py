import pytest
import torch
from helpers.posthoc import given, must_not_be_asked, recalls

from lightning_imb.metrics import class_rates, scores
from lightning_imb.posthoc import LogitAdjustment, TauNorm, Temperature, WeightRescaling
from lightning_imb.posthoc.searched import balanced_accuracy, best_of
from lightning_imb.utils.errors import InputError

METHODS = {"tau": TauNorm, "gamma": WeightRescaling}


def test_of_equal_scores_the_number_nearest_to_0_wins():
    assert best_of([1.0, 0.5, 0.0, 2.0], [0.8, 0.9, 0.7, 0.9]) == 0.5
    assert best_of([0.0, 0.1, 0.2], [0.3, 0.1 + 0.2, 0.3]) == 0.0  # a last bit is no difference


def test_balanced_accuracy_is_that_of_the_scores():
    torch.manual_seed(0)
    logits, target = torch.randn(60, 4), torch.tensor([0] * 40 + [1] * 15 + [3] * 5)  # class 2 is absent
    confusion = torch.zeros(4, 4)
    for t, p in zip(target, logits.argmax(1), strict=True):
        confusion[t, p] += 1
    found = balanced_accuracy(logits, target)
    assert found == pytest.approx(scores(class_rates(confusion), [1] * 4)["bacc"])
    assert found == pytest.approx(sum(recalls(logits, target)) / 3)


@pytest.mark.parametrize(
    ("method", "key"),
    [
        (TauNorm("search"), "posthoc.tau=search"),
        (WeightRescaling("search"), "posthoc.gamma=search"),
        (LogitAdjustment("search"), "posthoc.tau=search"),
        (Temperature("search"), "posthoc.temperature=search"),
    ],
)
def test_a_search_without_validation_images_is_refused_before_training(method, key):
    with pytest.raises(InputError, match=f"{key} needs validation images.*protocol=holdout"):
        method.check(given(val=None, train=must_not_be_asked))


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("value", ["auto", -0.1, float("inf"), True, None])
def test_an_unusable_number_is_refused(name, value):
    with pytest.raises(InputError, match=rf"posthoc\.{name} is"):
        METHODS[name](value)


@pytest.mark.parametrize("grid", [[], "0,1", 3, [0, -1], [0, "x"], [0, float("nan")]])
def test_an_unusable_grid_is_refused(grid):
    with pytest.raises(InputError, match=r"posthoc\.grid"):
        TauNorm("search", grid)
