"""Every file of conf/resampler for numeric targets keeps its promises; a new yaml is tested by being there."""

import inspect
from pathlib import Path

import numpy as np
import pytest
from helpers.conf import assert_resampler_header
from hydra.utils import get_object, instantiate
from omegaconf import OmegaConf

from lightning_imb.resampling.regression import RegressionResampler

FOLDER = Path(__file__).parents[2] / "conf" / "resampler"
FILES = [path for path in sorted(FOLDER.glob("*.yaml")) if ".regression." in OmegaConf.load(path)._target_]
pytestmark = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def build(path, seed=0, bins=9):
    config = OmegaConf.create({"seed": seed, "dataset": {"bins": bins}, "resampler": OmegaConf.load(path)})
    return instantiate(config.resampler, _convert_="all")


def numbers(n=300, dtype=np.float32, outliers=(1.0, 1.4, 9.9)):
    """Rows around a bent line of a normal target, with outliers of the box plot."""
    rng = np.random.default_rng(0)
    y = np.concatenate([rng.normal(5.5, 0.8, n - len(outliers)), outliers])
    z = np.column_stack([y, y**2 / 10, *rng.normal(size=(4, n))])
    order = rng.permutation(n)
    return z[order].astype(dtype), y[order].astype(dtype)


def filled(y):
    return np.histogram(y, np.linspace(1, 10, 10))[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bins", [9, [1, 4, 5, 6, 7, 10]])
def test_rows_of_the_input_come_first_and_rare_targets_gain(path, dtype, bins):
    z, y = numbers(dtype=dtype)
    before = z.tobytes(), y.tobytes()
    sampler = build(path, bins=bins)
    assert isinstance(sampler, RegressionResampler)
    sampler.check_targets(y)
    new_z, new_y = sampler.fit_resample(z, y)
    assert (z.tobytes(), y.tobytes()) == before
    assert (new_z.dtype, new_y.dtype) == (z.dtype, y.dtype)
    assert new_z.shape == (len(new_y), z.shape[1])
    assert np.isfinite(new_z).all()
    assert np.isfinite(new_y).all()
    at = [int(np.flatnonzero(y == value)[0]) for value in new_y[: sampler.n_real_]]
    assert at == sorted(set(at))
    assert new_z[: sampler.n_real_].tobytes() == z[at].tobytes()
    far = np.abs(y - 5.5) > 3
    assert (np.abs(new_y - 5.5) > 3).mean() > 3 * far.mean()


def test_the_report_tells_of_every_row(path):
    z, y = numbers()
    sampler = build(path)
    new_y = sampler.fit_resample(z, y)[1]
    assert all({"bin", "real", "made"} <= set(entry) for entry in sampler.report_)
    assert sum(entry["real"] for entry in sampler.report_) == len(y)
    assert sum(entry["made"] for entry in sampler.report_) == len(new_y) - sampler.n_real_
    assert sum(entry.get("kept", entry["real"]) for entry in sampler.report_) == sampler.n_real_


def test_the_result_is_a_function_of_the_seed(path):
    z, y = numbers()
    sampler = build(path)
    results = [made.fit_resample(z, y) for made in (sampler, sampler, build(path), build(path, seed=1))]
    one, again, anew, other = (rows.tobytes() + targets.tobytes() for rows, targets in results)
    assert one == again == anew
    assert one != other


def test_bins_of_one_row_and_rows_in_the_same_place(path):
    z, y = numbers(outliers=(1.0, 9.9, 9.95))
    z[y > 9] = z[y > 9][0]
    new_z, new_y = build(path).fit_resample(z, y)
    assert np.isfinite(new_z).all()
    assert (filled(new_y)[[0, -1]] > filled(y)[[0, -1]]).all()


def test_few_rows_and_constant_features(path):
    y = np.array([1.0, 5.2, 5.3, 5.4, 5.5, 5.6, 5.7, 9.8], np.float32)
    new_z, new_y = build(path).fit_resample(np.ones((8, 2), np.float32), y)
    assert (new_z == 1).all()
    assert len(new_y) >= 8


def test_targets_that_are_all_the_same_are_refused(path):
    for act in (lambda s: s.check_targets(np.full(4, 2.0)), lambda s: s.fit_resample(np.eye(4), np.full(4, 2.0))):
        with pytest.raises(ValueError, match="target"):
            act(build(path))


def test_the_header_says_what_it_is_who_wrote_of_it_and_what_it_costs(path):
    assert_resampler_header(path)


def test_the_yaml_shows_every_parameter_with_its_default(path):
    shown = OmegaConf.to_container(OmegaConf.load(path))
    parameters = inspect.signature(get_object(shown.pop("_target_"))).parameters
    assert set(shown) == set(parameters)
    given_at_run_time = {"bins": "${dataset.bins}", "random_state": "${seed}"}
    for name, value in shown.items():
        default = parameters[name].default
        assert value == given_at_run_time.get(name, list(default) if isinstance(default, tuple) else default)
