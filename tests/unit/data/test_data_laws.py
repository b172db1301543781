import numpy as np
import pytest
from helpers.conf import composed, groups
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from scipy import stats

from lightning_imb.data.laws import Density, Normal, Uniform
from lightning_imb.utils.errors import InputError

LAWS = {
    "uniform": Uniform([1, 10]),
    "normal": Normal(5.5, 1.0, None),
    "cut normal": Normal(1.0, 2.0, [0, None]),
    "normal between": Normal(8.0, 3.0, [1, 10]),
    "ramp": Density([1, 10], [1, 0]),
    "rise": Density([0, 1], [0, 2]),
    "hill with a gap": Density([0, 1, 2, 4, 5], [0, 3, 0, 0, 1]),
    "plateau": Density([2, 3], [7, 7]),
}


@pytest.mark.parametrize("name", LAWS)
def test_a_density_has_mass_one_and_is_that_of_what_is_drawn(name):
    law = LAWS[name]
    at = np.linspace(-10, 20, 300_001)
    cumulative = np.cumsum(law.density(at)) * (at[1] - at[0])
    assert cumulative[-1] == pytest.approx(1, abs=1e-3)
    drawn = law.draw(4000, np.random.default_rng(0))
    assert drawn.shape == (4000,)
    assert (law.density(drawn) > 0).all()
    assert stats.ks_1samp(drawn, lambda y: np.interp(y, at, cumulative)).pvalue > 0.01


@pytest.mark.parametrize("name", LAWS)
def test_draws_are_a_function_of_the_generator(name):
    first, again, other = (LAWS[name].draw(20, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()


def test_density_at_and_beyond_the_ends():
    assert Uniform([1, 5]).density([0.99, 1, 3, 5, 5.01]).tolist() == [0, 0.25, 0.25, 0.25, 0]
    np.testing.assert_allclose(Density([0, 2, 4], [0, 1, 0]).density([[-1, 1], [2, 5]]), [[0, 0.25], [0.5, 0]])
    kept = 1 - stats.norm.cdf(0, 1, 2)
    assert Normal(1, 2, [0, None]).density([-0.1, 1]) == pytest.approx([0, stats.norm.pdf(1, 1, 2) / kept])


def test_a_normal_law_that_is_hardly_cut_off_is_the_normal_one():
    far, none = Normal(5.5, 1, [0, None]), Normal(5.5, 1, None)
    assert none.density([3, 5.5]) == pytest.approx(stats.norm.pdf([3, 5.5], 5.5, 1))
    assert far.density([3, 5.5]) == pytest.approx(none.density([3, 5.5]), rel=1e-6)


def test_a_far_end_of_a_normal_law_is_a_law_as_long_as_it_has_a_millionth_of_the_mass():
    drawn = Normal(0, 1, [4.7, None]).draw(100, np.random.default_rng(0))
    assert (drawn >= 4.7).all()
    assert len(set(drawn)) == 100


def test_mass_of_a_normal_law_lies_where_it_is_said_to():
    drawn = Normal(5.5, 1, [0, None]).draw(200_000, np.random.default_rng(0))
    outside = [np.mean((drawn < low) | (drawn > high)) for low, high in ((3.5, 7.5), (2.5, 8.5))]
    assert outside == pytest.approx([0.0455, 0.0027], abs=0.0015)


def test_heights_are_on_no_scale():
    one, ten = Density([0, 1, 3], [1, 2, 0]), Density([0, 1, 3], [10, 20, 0])
    assert one.density([0.5, 2]) == pytest.approx(ten.density([0.5, 2]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Uniform([5, 1]), r"within=\[5, 1\] must be \[low, high\]"),
        (lambda: Uniform([1, 1]), r"low < high"),
        (lambda: Uniform([1, None]), r"open end"),
        (lambda: Uniform([1, float("inf")]), r"is inf; give a number"),
        (lambda: Uniform("1 to 5"), r"must be \[low, high\]"),
        (lambda: Uniform([1, 2, 3]), r"must be \[low, high\]"),
        (lambda: Normal(5, 0, None), r"std is 0"),
        (lambda: Normal(5, -1, None), r"std is -1"),
        (lambda: Normal("five", 1, None), r"mean is 'five'"),
        (lambda: Normal(5, 1, [9, 2]), r"low < high"),
        (lambda: Normal(5.5, 0.1, [50, 60]), r"within=\[50, 60\] leaves no mass .* mean 5.5 and std 0.1"),
        (lambda: Normal(-10, 1, [0, None]), r"leaves no mass"),
        (lambda: Normal(0, 1, [None, -4.9]), r"leaves no mass"),
        (lambda: Density([1, 2], [0, 0]), r"has no mass"),
        (lambda: Density([1, 2], [1, -1]), r"negative height"),
        (lambda: Density([2, 1], [1, 1]), r"ascending"),
        (lambda: Density([1, 1], [1, 1]), r"ascending"),
        (lambda: Density([1], [1]), r"at least two values"),
        (lambda: Density([1, 2, 3], [1, 1]), r"2 heights for 3 values"),
        (lambda: Density([1, 2], [1, float("nan")]), r"finite numbers"),
        (lambda: Density([1, 2], ["a", "b"]), r"finite numbers"),
        (lambda: Density([1, 2], 3), r"finite numbers"),
    ],
)
def test_what_is_no_law_is_refused_in_one_sentence(make, message):
    with pytest.raises(InputError, match=message) as refusal:
        make()
    assert "\n" not in str(refusal.value)


WITH_LAW = [name for name in groups()["imbalance"] if composed(f"imbalance={name}").imbalance.law is not None]


def test_four_options_have_a_law():
    assert WITH_LAW == ["density", "missing", "normal", "uniform"]


@pytest.mark.parametrize("name", WITH_LAW)
def test_a_data_set_without_numbers_gives_a_law_nothing(name):
    node = composed("dataset=digits", f"imbalance={name}").imbalance.law
    with pytest.raises(InstantiationException) as failure:
        instantiate(node, _convert_="all")
    assert isinstance(failure.value.__cause__, InputError)
    assert "choose imbalance=natural" in str(failure.value.__cause__)


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        ("sigma", "density"),
        ("rotated_cifar10", "missing"),
        ("blurred_cifar10", "normal"),
        ("darkened_cifar10", "uniform"),
    ],
)
def test_data_sets_of_numbers_propose_laws_within_their_range(dataset, name):
    cfg = composed(f"dataset={dataset}", f"imbalance={name}")
    low, high = cfg.dataset.laws.range
    drawn = instantiate(cfg.imbalance.law, _convert_="all").draw(500, np.random.default_rng(0))
    assert ((low <= drawn) & (drawn <= high)).all()
    assert (cfg.dataset.bins[0], cfg.dataset.bins[-1]) == (low, high)
