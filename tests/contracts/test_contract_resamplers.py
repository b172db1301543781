"""Every file of conf/resampler for classes keeps the promises of the group; a new yaml is tested by being there."""

from pathlib import Path

import numpy as np
import pytest
from helpers.conf import assert_resampler_header
from hydra.utils import instantiate
from imblearn.over_sampling.base import BaseOverSampler
from omegaconf import OmegaConf

FOLDER = Path(__file__).parents[2] / "conf" / "resampler"
FILES = [path for path in sorted(FOLDER.glob("*.yaml")) if ".regression." not in OmegaConf.load(path)._target_]
pytestmark = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def build(path, seed=0):
    config = OmegaConf.create({"seed": seed, "resampler": OmegaConf.load(path)})
    return instantiate(config.resampler, _convert_="all")


def classes(counts, distance, dtype=np.float32):
    """Non-negative Gaussian classes in shuffled order, ``distance`` apart."""
    rng = np.random.default_rng(0)
    y = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    X = distance * y[:, None] + np.abs(rng.normal(size=(len(y), 6)))
    return X.astype(dtype), y.astype(np.int64)


def assert_promises(sampler, X, y):
    before = X.copy(), y.copy()
    result, labels = sampler.fit_resample(X, y)
    assert X.tobytes() == before[0].tobytes()
    assert y.tobytes() == before[1].tobytes()
    assert result[: len(X)].tobytes() == X.tobytes()
    np.testing.assert_array_equal(labels[: len(y)], y)
    assert (result.dtype, labels.dtype) == (X.dtype, y.dtype)
    assert len(result) == len(labels)
    assert np.isfinite(result).all()
    counts = np.bincount(labels)
    if isinstance(sampler, BaseOverSampler):
        np.testing.assert_array_equal(counts, np.bincount(y).max())
        assert (np.diff(labels[len(y) :]) >= 0).all()  # class by class, ascending
    else:
        np.testing.assert_array_equal(counts, np.bincount(y))


def test_common_keys(path):
    keys = OmegaConf.load(path).keys()
    assert {"_target_", "random_state"} <= set(keys)


def test_header_says_what_it_is_who_wrote_of_it_and_what_it_costs(path):
    assert_resampler_header(path)


def test_files_of_one_class_show_the_same_keys(path):
    """Else a sweep over them with a setting of one of them does not compose."""
    shown = OmegaConf.load(path)
    same = [other for other in map(OmegaConf.load, FILES) if other["_target_"] == shown["_target_"]]
    assert all(other.keys() == shown.keys() for other in same)


def test_yaml_shows_every_parameter(path):
    """No default hides in python: the keys of the file are the parameters of the class."""
    shown = OmegaConf.load(path)
    nodes = [(shown, build(path))]
    if "sampler" in shown:
        nodes.append((shown.sampler, nodes[0][1].sampler))
    replaced = {"sampling_strategy", "random_state"}  # of an inner sampler: the outer one sets them
    for node, built in nodes:
        hidden = set(built.get_params(deep=False)) - set(node.keys())
        assert hidden <= (replaced if node is not shown else set())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_overlapping_classes(path, dtype):
    assert_promises(build(path), *classes([60, 25, 12, 40], 0.3, dtype))


def test_classes_of_one_and_two_rows(path):
    assert_promises(build(path), *classes([40, 1, 2, 15, 1], 0.3))


def test_classes_without_enemies(path):
    assert_promises(build(path), *classes([60, 30, 20], 1000.0))


def test_identical_rows(path):
    X, y = classes([40, 20, 6], 0.3)
    X[y > 0] = X[0]
    assert_promises(build(path), X, y)


def test_balanced_input_gains_nothing(path):
    X, y = classes([15, 15, 15], 0.3)
    result, labels = build(path).fit_resample(X, y)
    assert result.tobytes() == X.tobytes()
    assert labels.tobytes() == y.tobytes()


def test_result_is_a_function_of_the_seed(path):
    X, y = classes([60, 25, 12], 0.3)
    one, again, other = (build(path, seed).fit_resample(X, y)[0].tobytes() for seed in (0, 0, 1))
    assert one == again
    assert (one == other) == (not isinstance(build(path), BaseOverSampler))


def test_one_class_only_is_an_error(path):
    with pytest.raises(ValueError, match="class"):
        build(path).fit_resample(np.zeros((5, 2), np.float32), np.zeros(5, np.int64))
