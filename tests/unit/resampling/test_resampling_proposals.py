import numpy as np
import pytest
import torch

from lightning_imb.resampling.proposals import Faiss, Products, faiss_can
from lightning_imb.resampling.rows import Rows, Search, norms


@pytest.fixture(name="X")
def table():
    return np.random.default_rng(0).normal(1, 1, size=(300, 9)).astype(np.float32)


def products(rows, wanted, search, dtype=torch.float32, classes=None):
    return Products(rows, norms(rows, dtype, search), wanted, classes, search)


def squared(X, asked):
    return ((X[asked, None].astype(np.float64) - X[None].astype(np.float64)) ** 2).sum(axis=2)


@pytest.mark.parametrize("memory_mb", [0.02, 0.1, 512])
@pytest.mark.parametrize("wanted", [1, 15, 300])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_products_propose_the_nearest(X, memory_mb, wanted, dtype):
    search = Search(memory_mb=memory_mb)
    proposer = products(Rows(X, None, search), wanted, search, dtype)
    asked = np.arange(0, 300, 41)[: proposer.block]
    proposal = proposer.propose(torch.from_numpy(asked))
    distance = squared(X, asked)
    expected = np.sort(np.argsort(distance, axis=1)[:, :wanted], axis=1)
    np.testing.assert_array_equal(np.sort(proposal.numbers, axis=1), expected)
    np.testing.assert_allclose(proposal.worst, np.sort(distance, axis=1)[:, wanted - 1], atol=1e-4)


@pytest.mark.parametrize("memory_mb", [0.05, 512])
def test_products_leave_out_a_class(X, memory_mb):
    search, y = Search(memory_mb=memory_mb), np.repeat([0, 1, 2], [200, 60, 40])
    proposer = products(Rows(X, None, search), 5, search, classes=torch.from_numpy(y))
    asked = np.arange(0, 300, 99)[: proposer.block]
    numbers = proposer.propose(torch.from_numpy(asked)).numbers.numpy()
    distance = np.where(y[asked, None] == y[None], np.inf, squared(X, asked))
    np.testing.assert_array_equal(np.sort(numbers, axis=1), np.sort(np.argsort(distance, axis=1)[:, :5], axis=1))


def test_faiss_proposes_the_nearest(X):
    asked = np.arange(0, 300, 41)
    proposal = Faiss(Rows(X, None, Search()), 15, Search()).propose(torch.from_numpy(asked))
    distance = np.sort(squared(X, asked), axis=1)
    np.testing.assert_array_equal(
        np.sort(proposal.numbers, axis=1), np.sort(np.argsort(squared(X, asked), axis=1)[:, :15], axis=1)
    )
    np.testing.assert_allclose(proposal.worst, distance[:, 14], rtol=1e-4)


def test_faiss_searches_only_what_it_need_not_copy(X):
    assert faiss_can(Rows(X, None, Search()), None)
    assert not faiss_can(Rows(X.astype(np.float64), None, Search()), None)
    assert not faiss_can(Rows(X[:, ::2], None, Search()), None)
    assert not faiss_can(Rows(X, np.arange(5), Search()), None)
    assert not faiss_can(Rows(X, None, Search()), torch.zeros(300))
