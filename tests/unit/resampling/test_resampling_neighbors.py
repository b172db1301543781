import weakref
from importlib import util

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

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


BACKENDS = ["torch", "faiss"]


class Peak(TorchDispatchMode):
    """Sums the bytes of all tensors that torch makes and that are alive at once."""

    def __init__(self):
        super().__init__()
        self.alive, self.highest = {}, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        given = {t.untyped_storage().data_ptr() for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)}
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor) and tensor.untyped_storage().data_ptr() not in given:
                storage = tensor.untyped_storage()
                self.alive[id(storage)] = storage.nbytes()
                weakref.finalize(storage, self.alive.pop, id(storage), None)
        self.highest = max(self.highest, sum(self.alive.values()))
        return result


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_row_at_a_time_is_the_least(rng, backend):
    X = rng.normal(size=(40, 4)).astype(np.float32)
    found = nearest(np.arange(0, 40, 9), X, 3, Search(memory_mb=1e-6, backend=backend))
    np.testing.assert_array_equal(found, reference(range(0, 40, 9), X, 3))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 10, 120])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("memory_mb", [0.02, 0.1, 512])
def test_agrees_with_scikit_learn(rng, dtype, k, backend, memory_mb):
    X = rng.normal(size=(300, 16)).astype(dtype)
    queries = rng.choice(300, 40, replace=False)
    model = NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(X.astype(np.float64))
    expected = model.kneighbors(X[queries].astype(np.float64), return_distance=False)
    found = nearest(queries, X, k, Search(memory_mb=memory_mb, backend=backend))
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, expected[:, 1:])  # distinct rows: column 0 is the row itself


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 4, 30])
@pytest.mark.parametrize("search", [Search(memory_mb=0.01), Search(memory_mb=0.1), Search(backend="faiss")])
def test_duplicates_exclude_self_by_index_and_break_ties_by_index(rng, dtype, k, search):
    X = rng.integers(0, 3, size=(90, 3)).astype(dtype)  # 27 distinct points: many copies, many ties
    queries = np.arange(90)
    found = nearest(queries, X, k, search)
    assert not (found == queries[:, None]).any()
    np.testing.assert_array_equal(found, reference(queries, X, k))


def test_all_rows_equal():
    np.testing.assert_array_equal(nearest(np.array([0, 3]), np.ones((50, 2), np.float32), 3), [[1, 2, 3], [0, 1, 2]])


@pytest.mark.parametrize("offset", [0.0, 1e3])
@pytest.mark.parametrize("backend", BACKENDS)
def test_tight_clusters_far_apart_keep_their_float32_order(rng, offset, backend):
    """Distances inside a cluster are far below the rounding of a float32 product of these norms."""
    centres = 100 * rng.normal(size=(4, 32)) + offset
    X = (centres[rng.integers(0, 4, 400)] + 1e-2 * rng.normal(size=(400, 32))).astype(np.float32)
    queries = np.arange(0, 400, 13)
    np.testing.assert_array_equal(nearest(queries, X, 7, Search(backend=backend)), reference(queries, X, 7))


@pytest.mark.parametrize("k", [9, 10, 1000])
def test_k_is_clipped_to_all_other_rows(rng, k):
    X = rng.normal(size=(10, 2))
    np.testing.assert_array_equal(nearest(np.arange(10), X, k), reference(range(10), X, 9))


@pytest.mark.parametrize("scale", [1e-30, 1e30])
@pytest.mark.parametrize("backend", BACKENDS)
def test_squares_outside_float32_do_no_harm(rng, scale, backend):
    X = rng.normal(size=(60, 4)).astype(np.float32)
    found = nearest(np.arange(60), (X * np.float32(scale)).astype(np.float32), 5, Search(backend=backend))
    np.testing.assert_array_equal(found, reference(range(60), X * np.float64(scale), 5))


@pytest.mark.parametrize("backend", BACKENDS)
def test_rows_whose_products_overflow_leave_the_others_in_order(rng, backend):
    """Infinity minus infinity is no score: it must not hide the rows that were folded with it."""
    X = (1e10 * rng.normal(size=(400, 2))).astype(np.float32)
    X[::20, 0], X[10::20, 0] = 1e30, -1e30  # their mean stays where the others are
    queries = np.flatnonzero(np.abs(X[:, 0]) < 1e29)
    np.testing.assert_array_equal(nearest(queries, X, 1, Search(backend=backend)), reference(queries, X, 1))


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


@pytest.mark.parametrize("memory_mb", [0.003, 0.05, 512])
def test_rows_of_a_class_search_among_themselves(rng, memory_mb):
    X = rng.integers(0, 4, size=(200, 3)).astype(np.float32)
    among = np.sort(rng.choice(200, 70, replace=False))
    queries = among[::3]
    expected = reference(queries, X, 6, allowed=lambda i, j: j != i and j in among)
    np.testing.assert_array_equal(nearest(queries, X, 6, Search(memory_mb=memory_mb), among), expected)
    np.testing.assert_array_equal(nearest(queries, X, 6, Search(backend="faiss"), among), expected)


@pytest.mark.parametrize("memory_mb", [0.003, 0.05, 512])
def test_enemies_of_grouped_classes_with_ties(rng, memory_mb):
    """Panels that hold only the query's own class propose nobody."""
    X, y = rng.integers(0, 3, size=(150, 3)).astype(np.float32), np.repeat([2, 0, 1], [120, 20, 10])
    expected = reference(range(150), X, 1, allowed=lambda i, j: y[i] != y[j])[:, 0]
    np.testing.assert_array_equal(nearest_enemy(np.arange(150), X, y, Search(memory_mb=memory_mb)), expected)


@pytest.mark.parametrize("kind", ["plain", "duplicates"])
@pytest.mark.parametrize(("rows", "features", "k"), [(20_000, 8, 10), (2_000, 400, 10), (2_000, 400, 200)])
def test_memory_is_bounded_whatever_the_rows(rng, kind, rows, features, k):
    """Duplicates go through all three searches: float32, float64, direct."""
    X = rng.normal(size=(rows, features)).astype(np.float32)
    if kind == "duplicates":
        X[::2] = X[0]
    y, queries, search = rng.integers(0, 3, rows), np.arange(0, rows, rows // 60), Search(memory_mb=1)
    with Peak() as peak:
        nearest(queries, X, k, search)
        nearest(queries[:20], X, k, search, among=np.arange(rows - 1))
        nearest_enemy(queries, X, y, search)
    aside = 8 * (rows * 3 + len(queries) * (k + 1))  # numbers per row: norms, classes, among; the result
    assert 0.05 * 2**20 < peak.highest < 2**20 + aside


def test_faiss_and_torch_work_in_one_process_and_keep_the_number_of_threads(rng):
    import faiss

    X = rng.normal(size=(500, 16)).astype(np.float32)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = [nearest(np.arange(500), X, 10, Search(backend=name)) for name in BACKENDS * 2]
        assert faiss.omp_get_max_threads() == torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        np.testing.assert_array_equal(found[0], other)


def test_faiss_that_is_not_installed_is_a_clear_error(monkeypatch, rng):
    monkeypatch.setattr(util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install -e '\.\[faiss\]'"):
        nearest(np.arange(5), rng.normal(size=(10, 2)), 3, Search(backend="faiss"))


@pytest.mark.parametrize(
    ("search", "named"), [(Search(memory_mb=0), "memory_mb=0"), (Search(backend="annoy"), "'annoy'")]
)
def test_impossible_settings_are_errors(search, named, rng):
    with pytest.raises(InputError, match=named):
        nearest(np.arange(5), rng.normal(size=(10, 2)), 3, search)


def test_no_queries_have_no_neighbours(rng):
    assert nearest(np.empty(0, int), rng.normal(size=(10, 2)), 3).shape == (0, 3)
