import tracemalloc

import numpy as np
import pytest

from lightning_imb.resampling import moments
from lightning_imb.resampling.moments import Moments


def table(counts, features=5, seed=0, dtype=np.float64):
    """Gaussian classes with covariances of their own, shuffled, and the rows of each class."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    X = np.empty((len(y), features))
    for label, n in enumerate(counts):
        X[y == label] = label + rng.normal(size=(n, features)) @ rng.normal(size=(features, features))
    return X.astype(dtype), [np.flatnonzero(y == label) for label in range(len(counts))]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [2, 4, 5, 6, 100])  # fewer rows than features, as many, more
def test_mean_covariance_and_variances_are_numpys(n, dtype):
    X, members = table([30, n], dtype=dtype)
    rows = X[members[1]].astype(np.float64)
    found = Moments(X, members)
    factor = found.factor(1)
    assert len(factor) <= 5
    np.testing.assert_allclose(found.means[1], rows.mean(axis=0))
    np.testing.assert_allclose(factor.T @ factor, np.cov(rows, rowvar=False), atol=1e-10)
    np.testing.assert_allclose(found.variances(1), rows.var(axis=0, ddof=1))
    assert not found.borrows(1)


def test_blocks_do_not_change_the_moments(monkeypatch):
    X, members = table([50, 23])
    whole = Moments(X, members)
    monkeypatch.setattr(moments, "_BLOCK", 3)
    split = Moments(X, members)
    np.testing.assert_allclose(split.means, whole.means)
    np.testing.assert_allclose(split.factor(0).T @ split.factor(0), whole.factor(0).T @ whole.factor(0), atol=1e-10)
    np.testing.assert_allclose(split.variances(1), whole.variances(1))


def test_a_single_row_borrows_the_mean_covariance_of_the_others():
    X, members = table([30, 1, 7, 1, 3])
    found = Moments(X, members)
    mean = np.mean([np.cov(X[members[label]], rowvar=False) for label in (0, 2, 4)], axis=0)
    for label in (1, 3):
        assert found.borrows(label)
        np.testing.assert_allclose(found.factor(label).T @ found.factor(label), mean, atol=1e-10)
        np.testing.assert_allclose(found.variances(label), np.diag(mean))
        np.testing.assert_array_equal(found.means[label], X[members[label][0]])


def test_only_single_rows_have_no_spread():
    found = Moments(*table([1, 1]))
    assert found.factor(0).shape == (0, 5)
    np.testing.assert_array_equal(found.variances(1), np.zeros(5))


def test_identical_rows_have_no_spread():
    found = Moments(np.full((9, 4), 0.1, np.float32), [np.arange(9)])
    np.testing.assert_allclose(found.factor(0), 0, atol=1e-15)


def test_moments_of_what_a_view_makes_of_the_rows():
    X, members = table([12, 6])
    found = Moments(X, members, view=lambda rows: rows**2)
    np.testing.assert_allclose(found.means[1], (X[members[1]] ** 2).mean(axis=0))
    np.testing.assert_allclose(
        found.factor(1).T @ found.factor(1), np.cov(X[members[1]] ** 2, rowvar=False), atol=1e-10
    )


def test_factors_beyond_the_memory_are_made_again(monkeypatch):
    X, members = table([20, 20])
    monkeypatch.setattr(moments, "_KEPT_BYTES", 5 * 5 * 8)
    found = Moments(X, members)
    assert found.factor(0) is found.factor(0)
    assert found.factor(1) is not found.factor(1)
    np.testing.assert_array_equal(found.factor(1), found.factor(1))


def test_covariances_of_all_classes_are_never_held(monkeypatch):
    """80 classes at D = 100: 6.4 MB of matrices."""
    monkeypatch.setattr(moments, "_KEPT_BYTES", 1_000_000)
    X, members = table([12] * 79 + [1], features=100)
    tracemalloc.start()
    found = Moments(X, members)
    for label in range(80):
        found.factor(label)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_500_000
