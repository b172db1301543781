import warnings

import numpy as np
import pytest
import torch

from lightning_imb.resampling.rows import Rows, Search, norms


@pytest.fixture(name="X")
def table():
    return np.random.default_rng(0).normal(3, 1, size=(50, 4)).astype(np.float32)


def test_rows_are_seen_not_copied(X):
    X.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = Rows(X, None, Search())
    assert np.shares_memory(rows.strip(5, 9, torch.float32).numpy(), X)
    assert np.shares_memory(Rows(X[:, ::2], None, Search()).data.numpy(), X)


def test_rows_that_torch_cannot_see_are_copied(X):
    np.testing.assert_array_equal(Rows(X[::-1], None, Search()).strip(0, 50, torch.float32), X[::-1])


def test_some_rows_are_numbered_from_zero(X):
    among = np.array([3, 7, 20])
    rows = Rows(X, among, Search())
    assert len(rows) == 3
    np.testing.assert_array_equal(rows.strip(1, 3, torch.float64), X[[7, 20]].astype(np.float64))
    np.testing.assert_array_equal(rows.at(torch.tensor([[2, 0]])), X[[[20, 3]]])
    np.testing.assert_array_equal(rows.indices(torch.tensor([2, 0])), [20, 3])


@pytest.mark.parametrize("memory_mb", [1e-6, 512])
def test_norms_are_those_of_the_centred_rows(X, memory_mb):
    search = Search(memory_mb=memory_mb)
    known = norms(Rows(X, None, search), torch.float32, search)
    np.testing.assert_allclose(known.centre, X.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(known.squares, ((X - X.mean(axis=0)) ** 2).sum(axis=1), rtol=1e-5)
    assert known.shift == pytest.approx(np.linalg.norm(X.mean(axis=0)))
    assert known.safe


def test_norms_that_overflow_are_not_safe(X):
    X[4] = 1e25
    assert not norms(Rows(X, None, Search()), torch.float32, Search()).safe
    assert norms(Rows(X, None, Search()), torch.float64, Search()).safe


def test_shares_of_the_memory():
    assert Search(memory_mb=8).share(8) == 2**20
    assert Search(memory_mb=8).rows_for(8, 1024, 5000) == 1024
    assert Search(memory_mb=8).rows_for(8, 1024, 100) == 100
    assert Search(memory_mb=8).rows_for(8, 2**30, 100) == 1
