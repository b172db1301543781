import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from lightning_imb.resampling.neighbors import nearest, nearest_enemy
from lightning_imb.resampling.rows import Search
from lightning_imb.utils.errors import InputError


def reference(queries, X, k, allowed=None):
    """Sort all rows by (squared distance in float64, index), one query at a time."""
    X = X.astype(np.float64)
    answer = []
    for i in queries:
        others = [j for j in range(len(X)) if (j != i if allowed is None else allowed(i, j))]
        answer.append(sorted(others, key=lambda j: (((X[i] - X[j]) ** 2).sum(), j))[:k])
    return np.array(answer)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 10, 120])
@pytest.mark.parametrize("memory_mb", [1e-6, 0.01, 0.1, 512])
def test_agrees_with_scikit_learn(rng, dtype, k, memory_mb):
    X = rng.normal(size=(700, 16)).astype(dtype)
    queries = rng.choice(700, 60, replace=False)
    model = NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(X.astype(np.float64))
    expected = model.kneighbors(X[queries].astype(np.float64), return_distance=False)
    found = nearest(queries, X, k, Search(memory_mb=memory_mb))
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, expected[:, 1:])  # distinct rows: column 0 is the row itself


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 4, 30])
def test_duplicates_exclude_self_by_index_and_break_ties_by_index(rng, dtype, k):
    X = rng.integers(0, 3, size=(90, 3)).astype(dtype)  # 27 distinct points: many copies, many ties
    queries = np.arange(90)
    found = nearest(queries, X, k, Search(memory_mb=0.1))
    assert not (found == queries[:, None]).any()
    np.testing.assert_array_equal(found, reference(queries, X, k))


def test_all_rows_equal():
    np.testing.assert_array_equal(nearest(np.array([0, 3]), np.ones((50, 2), np.float32), 3), [[1, 2, 3], [0, 1, 2]])


@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_tight_clusters_far_apart_keep_their_float32_order(rng, offset):
    """Distances inside a cluster are far below the rounding of a float32 product of these norms."""
    centres = 100 * rng.normal(size=(4, 32)) + offset
    X = (centres[rng.integers(0, 4, 400)] + 1e-2 * rng.normal(size=(400, 32))).astype(np.float32)
    queries = np.arange(0, 400, 13)
    np.testing.assert_array_equal(nearest(queries, X, 7), reference(queries, X, 7))


@pytest.mark.parametrize("k", [9, 10, 1000])
def test_k_is_clipped_to_all_other_rows(rng, k):
    X = rng.normal(size=(10, 2))
    np.testing.assert_array_equal(nearest(np.arange(10), X, k), reference(range(10), X, 9))


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_squares_outside_float32_do_no_harm(rng, scale):
    X = rng.normal(size=(60, 4)).astype(np.float32)
    found = nearest(np.arange(60), (X * np.float32(scale)).astype(np.float32), 5)
    np.testing.assert_array_equal(found, reference(range(60), X * np.float64(scale), 5))


@pytest.mark.parametrize("precision", ["highest", "medium"])
def test_answer_does_not_depend_on_the_precision_of_the_training_run(rng, precision):
    X = rng.normal(size=(300, 8)).astype(np.float32)
    expected = nearest(np.arange(300), X, 6)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = nearest(np.arange(300), X, 6)
    finally:
        torch.set_float32_matmul_precision(before)
    np.testing.assert_array_equal(found, expected)


def test_read_only_and_strided_input_is_left_alone(rng):
    X = rng.normal(size=(40, 8))[:, ::2]
    X.flags.writeable = False
    before = X.copy()
    np.testing.assert_array_equal(nearest(np.arange(40), X, 3), reference(range(40), X, 3))
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nearest_enemy_is_the_nearest_row_of_another_class(rng, dtype):
    X, y = rng.normal(size=(120, 5)).astype(dtype), rng.integers(0, 4, 120)
    X[60:] = X[:60]  # a copy of another class is an enemy at distance zero
    queries = rng.choice(120, 50, replace=False)
    expected = reference(queries, X, 1, allowed=lambda i, j: y[i] != y[j])[:, 0]
    np.testing.assert_array_equal(nearest_enemy(queries, X, y, Search(memory_mb=0.1)), expected)


def test_nearest_enemy_of_one_class_is_an_error():
    with pytest.raises(InputError, match="no enemy"):
        nearest_enemy(np.array([0]), np.zeros((3, 2)), np.zeros(3, int))


@pytest.mark.parametrize(("rows", "k"), [(5, 0), (1, 1)])
def test_impossible_searches_are_errors(rows, k):
    with pytest.raises(InputError, match="neighbours"):
        nearest(np.array([0]), np.zeros((rows, 2)), k)
