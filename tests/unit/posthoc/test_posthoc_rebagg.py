import numpy as np
import pytest
import torch
from helpers.posthoc import given, must_not_be_asked
from torch import nn

from lightning_imb.posthoc import REBAGG, FixedLinear, NearestClassMean, NoAdjustment
from lightning_imb.resampling.regression.bags import Bagging
from lightning_imb.resampling.regression.rarity import Rarity
from lightning_imb.utils.errors import InputError

POINTS = [[1, 1], [5.5, 0], [10, 1]]


def numbers(n=200, width=4, seed=0, noise=0.3):
    """Embeddings that tell a normal target by a bent line."""
    generator = torch.Generator().manual_seed(seed)
    target = (5.5 + torch.randn(n, generator=generator)).clamp(1, 10)
    z = torch.stack([target, target**2 / 10], dim=1)
    z = torch.cat([z, torch.zeros(n, width - 2)], dim=1)  # features that are 0 everywhere
    return z + noise * torch.randn(n, width, generator=generator) * (z != 0), target


def adjusted(z, target, **changes):
    settings = {"relevance": POINTS, "threshold": 0.3, "models": 3, "random_state": 0} | changes
    return REBAGG(**settings).adjust(given(nn.Linear(4, 1), (5, 0, 9), train=lambda: (z, target), val=None))


def ridge(z, y, alpha):
    """Weight and bias of least squares with a penalty on the weight, by the normal equations."""
    mean_z, mean_y = z.mean(axis=0), y.mean()
    centred = z - mean_z
    weight = np.linalg.solve(centred.T @ centred + alpha * np.eye(z.shape[1]), centred.T @ (y - mean_y))
    return weight, mean_y - mean_z @ weight


@pytest.mark.parametrize(("variant", "over", "alpha"), [("balance", "smoter", 1.0), ("variation", "copies", 30.0)])
def test_the_head_is_the_mean_of_ridge_regressors_on_the_bags(variant, over, alpha):
    z, target = numbers()
    result = adjusted(z, target, variant=variant, over=over, alpha=alpha)
    y = target.double().numpy()
    runs = Rarity(POINTS, 0.3, None, "posthoc").partitions(y)
    seed = int(np.random.RandomState(0).randint(np.iinfo(np.int32).max))
    queries, predicted = torch.randn(9, 4) + 3, []
    for number, told in enumerate(result.report["bags"]):
        bag = Bagging(variant, over, 5).draw(z.numpy(), y, runs, np.random.default_rng([seed, number]))
        assert bag.counts == told
        weight, bias = ridge(bag.z.astype(np.float64), bag.y, alpha)
        predicted.append(queries.double().numpy() @ weight + bias)
    np.testing.assert_allclose(result.head(queries)[:, 0].numpy(), np.mean(predicted, axis=0), atol=1e-4)


def test_it_makes_a_linear_head_with_one_output_and_says_how():
    z, target = numbers()
    result = adjusted(z, target)
    assert isinstance(result.head, FixedLinear)
    assert (result.head.weight.shape, result.head.bias.shape) == ((1, 4), (1,))
    assert result.head.weight.dtype == torch.float32
    bags = result.report.pop("bags")
    rare = int((np.abs(target.numpy() - 5.5) >= 4.5 * 0.3632).sum())  # 3t² - 2t³ = 0.3 at t = 0.3632
    assert result.report == {
        "posthoc": "rebagg",
        "searched_on": None,
        **{"variant": "variation", "over": "copies", "k": 5, "models": 3, "alpha": 1.0},
        **{"relevance": [(1, 1), (5.5, 0), (10, 1)], "threshold": 0.3, "rare": rare},
    }
    assert [set(bag) for bag in bags] == [{"rare", "normal", "interpolated"}] * 3


def test_rare_targets_count_as_much_as_normal_ones():
    """A line through a bend: with half of each bag rare, its errors at the rare targets shrink."""
    generator = torch.Generator().manual_seed(0)
    target = (5.5 + torch.randn(2000, generator=generator)).clamp(1, 10)
    z = torch.cat([(target.unsqueeze(1) - 5.5) ** 3, torch.randn(2000, 3, generator=generator)], dim=1)
    rare = (target - 5.5).abs() > 2
    plain = nn.Linear(4, 1)
    weight, bias = ridge(z.double().numpy(), target.double().numpy(), 1.0)
    with torch.no_grad():
        plain.weight.copy_(torch.from_numpy(weight[None]))
        plain.bias.fill_(bias)
        bagged = adjusted(z, target, variant="balance").head
        errors = [float((head(z)[rare, 0] - target[rare]).square().mean()) for head in (bagged, plain)]
    assert errors[0] < 0.8 * errors[1]


def test_the_trained_head_and_the_validation_set_are_not_read_and_bins_may_be_empty():
    class Unreadable(nn.Module):
        def forward(self, z):
            raise AssertionError("read")

    question = given(Unreadable(), (0, 7, 0), train=numbers, val=None)
    method = REBAGG(relevance=POINTS, threshold=0.3, random_state=0)
    method.check(question._replace(train=must_not_be_asked))
    assert method.adjust(question).head(torch.randn(3, 4)).shape == (3, 1)


def test_it_says_which_targets_it_is_for():
    assert (REBAGG.task, NearestClassMean.task, NoAdjustment.task) == ("regression", "classification", "any")


@pytest.mark.parametrize("over", ["copies", "smoter"])
def test_without_rare_targets_it_is_plain_bagging(over):
    z, even = torch.randn(50, 4), torch.linspace(1, 10, 50)
    REBAGG(over=over).check_worth(given(nn.Linear(4, 1), (50,), numbers=even.double().numpy()))
    report = adjusted(z, even, relevance="extremes", over=over).report
    assert report["rare"] == 0
    assert all(bag == {"rare": 0, "normal": 50, "interpolated": 0} for bag in report["bags"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"variant": "both"}, "choose one of balance, variation"),
        ({"over": "noise"}, "choose one of copies, smoter"),
        ({"models": 0}, "posthoc.models is 0"),
        ({"k": 0}, "posthoc.k is 0"),
        ({"alpha": 0}, "posthoc.alpha is 0"),
        ({"threshold": -1}, "posthoc.threshold is -1"),
        ({"relevance": "density"}, "posthoc.bins is null"),
    ],
)
def test_impossible_settings_are_refused_at_once(settings, message):
    with pytest.raises(InputError, match=message):
        REBAGG(**settings)
