import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from lightning_imb.resampling.arrays import Grown


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int32])
def test_rows_come_in_order_and_in_the_dtype_of_the_first(dtype):
    X = np.arange(6).reshape(3, 2).astype(dtype)
    grown = Grown(X, 3)
    grown.add(np.array([[7.9, 8.1], [9.5, 10.5]]))
    grown.add(np.array([[11.0, 12.0]]))
    result = grown.result()
    assert result.dtype == dtype
    expected = np.concatenate([X, np.array([[7.9, 8.1], [9.5, 10.5], [11.0, 12.0]]).astype(dtype)])
    np.testing.assert_array_equal(result, expected)
    assert not np.shares_memory(result, X)


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array])
def test_sparse_rows_keep_their_format(kind):
    X = kind(np.eye(3, dtype=np.float32))
    grown = Grown(X, 2)
    grown.add(np.array([[0.0, 5.0, 0.0]]))
    grown.add(sparse.csr_matrix([[0.0, 0.0, 6.0]]))
    result = grown.result()
    assert (result.format, result.dtype) == (X.format, X.dtype)
    np.testing.assert_array_equal(result.toarray(), np.concatenate([np.eye(3), [[0, 5, 0], [0, 0, 6]]]))


def test_nothing_beside_the_result_is_held():
    X, block = np.zeros((1_000, 100)), np.ones((100, 100))
    tracemalloc.start()
    grown = Grown(X, 10_000)
    for _ in range(100):
        grown.add(block)
    result = grown.result()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.05 * result.nbytes
