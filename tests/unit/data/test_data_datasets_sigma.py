import copy
import math

import numpy as np
import pytest
import torch
from helpers.conf import composed
from hydra.utils import instantiate
from omegaconf import OmegaConf

from lightning_imb.data.datasets.sigma import noise_floor, sigma
from lightning_imb.data.laws import Normal, Uniform
from lightning_imb.utils.errors import InputError

EDGES = tuple(float(edge) for edge in range(1, 11))
LAWS = {"uniform": None, "missing": Uniform([1, 5]), "normal": Normal(5.5, 1, [0, None])}


def samples(law=None, **changes):
    settings = {
        "target": "sigma",
        "train_size": 60,
        "val_size": 20,
        "test_size": 40,
        "image_size": 8,
        "within": [1, 10],
        "bins": list(EDGES),
        "data_seed": 0,
        "test_seed": 0,
    }
    return sigma(law, **(settings | changes))


@pytest.fixture(scope="module")
def large():
    """A test set that is large enough to measure expectations on."""
    return samples(train_size=2, val_size=1, test_size=20_000, image_size=[1, 16])


def test_three_splits_of_noise_and_their_bins():
    splits = samples()
    assert [len(source) for source in splits.sources] == [60, 20, 40]
    for source in splits.sources:
        assert source.images.dtype == torch.float32
        assert source.images.shape[1:] == (1, 8, 8)
        assert source.labels.tolist() == [min(int(value), 9) - 1 for value in source.values]
        assert source.class_names == ("1 to 2", *(f"{k} to {k + 1}" for k in range(2, 10)))
    assert splits.bins.edges == EDGES
    assert splits.train.names[:2] == ["train/000000", "train/000001"]


@pytest.mark.parametrize("law", LAWS)
def test_targets_of_training_and_validation_follow_the_law(law):
    splits = samples(LAWS[law], train_size=4000, val_size=2000, image_size=1)
    mean, std = {"uniform": (5.5, 9 / 12**0.5), "missing": (3, 4 / 12**0.5), "normal": (5.5, 1)}[law]
    for source in (splits.train, splits.val):
        assert source.values.mean() == pytest.approx(mean, abs=0.2)
        assert source.values.std() == pytest.approx(std, abs=0.1)


def test_values_of_a_sample_have_its_deviation():
    splits = samples(train_size=500, image_size=[10, 40])
    rows = splits.train.images.flatten(1).double().numpy()
    ratio = rows.std(axis=1) / splits.train.values
    assert ratio.mean() == pytest.approx(1, abs=0.01)
    assert ratio.std() == pytest.approx(math.sqrt(1 / 800), rel=0.2)
    assert (rows / splits.train.values[:, None]).mean() == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("law", ["missing", "normal"])
def test_all_laws_and_seeds_share_one_test_set(law):
    one, other = samples(), samples(LAWS[law], data_seed=5)
    assert one.test.fingerprint() == other.test.fingerprint()
    assert one.train.fingerprint() != other.train.fingerprint()
    assert samples(test_seed=1).test.fingerprint() != one.test.fingerprint()


def test_the_samples_are_a_function_of_the_seed():
    assert samples().train.fingerprint() == samples().train.fingerprint()
    assert samples().train.fingerprint() != samples(data_seed=1).train.fingerprint()


def test_laws_share_the_standard_normal_numbers():
    one, other = (samples(LAWS[law]).train for law in ("uniform", "missing"))
    noise = [source.images / torch.from_numpy(source.values).float().view(-1, 1, 1, 1) for source in (one, other)]
    torch.testing.assert_close(*noise)


@pytest.mark.parametrize(
    ("target", "statistic"),
    [
        ("std", lambda v: math.sqrt(sum((x - sum(v) / len(v)) ** 2 for x in v) / len(v))),
        ("mean", lambda v: sum(v) / len(v)),
        ("median", lambda v: sum(sorted(v)[len(v) // 2 - 1 : len(v) // 2 + 1]) / 2),
        ("max", lambda v: sorted(v)[-1]),
    ],
)
def test_statistics_of_the_sample_itself_as_targets(target, statistic):
    splits = samples(LAWS["missing"], target=target, bins=4)
    expected = [statistic(row.tolist()) for row in splits.train.images.flatten(1).double()]
    assert splits.train.values == pytest.approx(expected, rel=1e-9)
    assert splits.floor.shape == (len(splits.test),)
    assert not splits.floor.any()
    assert splits.bins.edges[0] == splits.test.values.min()
    assert splits.bins.edges[-1] == splits.test.values.max()
    assert splits.bins == samples(target=target, bins=4).bins  # whatever the law


def test_bins_of_sigma_divide_the_range_of_the_test():
    assert samples(bins=9).bins.edges == EDGES
    assert len(samples(bins=None).bins) == 10


def test_constant_predictions_and_a_saturating_one_have_the_known_errors(large):
    y = large.test.values
    assert np.mean((y - 5.5) ** 2) == pytest.approx(6.75, abs=0.1)
    assert np.mean(np.abs(y - 5.5)) == pytest.approx(2.25, abs=0.05)
    assert np.mean((y - 3) ** 2) == pytest.approx(13, abs=0.2)
    assert np.mean((y - np.minimum(y, 5)) ** 2) == pytest.approx(4.63, abs=0.1)


def test_the_maximum_likelihood_estimate_reaches_the_floor(large):
    estimate = large.test.images.flatten(1).double().square().mean(1).sqrt().numpy()
    assert np.mean((estimate - large.test.values) ** 2) == pytest.approx(large.floor.mean(), rel=0.05)


@pytest.mark.parametrize(("n", "expected"), [(10, 1.82), (100, 0.184), (784, 0.0235), (1000, 0.0185)])
def test_the_floor_over_the_uniform_law(n, expected):
    sigmas = np.linspace(1, 10, 10_001)
    assert noise_floor(sigmas, n).mean() == pytest.approx(expected, rel=0.01)
    ratio = math.exp(math.lgamma((n + 1) / 2) - math.lgamma(n / 2))
    by_hand = np.mean([2 * s**2 * (1 - math.sqrt(2 / n) * ratio) for s in sigmas])
    assert noise_floor(sigmas, n).mean() == pytest.approx(by_hand, rel=1e-6)


def test_the_floor_of_very_many_values_is_not_lost_in_rounding():
    assert noise_floor(np.array([1.0]), 10**8).item() == pytest.approx(1 / (2 * 10**8), rel=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": "variance"}, r"dataset.target is 'variance'; choose one of sigma, std, mean"),
        ({"image_size": None}, r"dataset.image_size is null"),
        ({"train_size": 0}, r"dataset.train_size is 0"),
        ({"within": [3, 3]}, r"low < high"),
        ({"law": Normal(0.0, 1.0, None)}, r"drew sigma = -.*within=\[0, null\]"),
        ({"target": "mean"}, r"lie beyond the edges dataset.bins="),
        ({"test_size": 1}, r"all 1 targets are"),
    ],
)
def test_bad_settings_are_refused_in_one_sentence(changes, message):
    with pytest.raises(InputError, match=message) as refusal:
        samples(**changes)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("imbalance", "highest"), [("missing", 5), ("natural", 10)])
def test_the_config_hands_its_law_on(imbalance, highest):
    sizes = [f"dataset.{split}_size=200" for split in ("train", "val", "test")]
    cfg = copy.deepcopy(composed("dataset=sigma", f"imbalance={imbalance}", "dataset.image_size=2", "seed=3", *sizes))
    OmegaConf.set_readonly(cfg, False)
    splits = instantiate(cfg.dataset.splits, _convert_="all")
    for source, top in ((splits.train, highest), (splits.val, highest), (splits.test, 10)):
        assert top - 1 < source.values.max() <= top
    law = None if imbalance == "natural" else Uniform([1, highest])
    same = samples(law, image_size=2, data_seed=3, train_size=200, val_size=200, test_size=200)
    assert splits.train.fingerprint() == same.train.fingerprint()
