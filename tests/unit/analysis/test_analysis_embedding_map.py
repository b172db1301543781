"""Which classes are confused, which points are drawn, and where they come to lie."""

import numpy as np
import pytest

from lightning_imb.analysis import embedding_map as module
from lightning_imb.analysis.embedding_map import at_most, most_confused, plane
from lightning_imb.utils.errors import InputError


def answers(confusion):
    """Targets and answers with this (K, K) confusion."""
    pairs = [(i, j) for (i, j), number in np.ndenumerate(np.array(confusion)) for _ in range(number)]
    targets, predicted = np.array(pairs).T
    return targets, predicted


def clusters(features=6, each=30):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], each)
    return rng.normal(y[:, None] * 8.0, 1.0, (len(y), features)).astype(np.float32), y


def test_the_pair_with_the_largest_shares_is_chosen_whatever_its_size():
    # 60 of 1000 go from 0 to 1, but half of the 10 from 3 to 2
    confusion = [[940, 60, 0, 0], [60, 940, 0, 0], [0, 0, 10, 0], [0, 0, 5, 5]]
    assert most_confused(*answers(confusion), 4, 2) == [2, 3]


def test_further_classes_are_those_confused_with_the_chosen_ones():
    confusion = [[6, 0, 0, 4], [0, 10, 0, 0], [0, 3, 7, 0], [3, 0, 1, 6]]
    assert most_confused(*answers(confusion), 4, 2) == [0, 3]
    assert most_confused(*answers(confusion), 4, 3) == [0, 2, 3]
    assert most_confused(*answers(confusion), 4, 4) == [0, 1, 2, 3]


def test_without_any_confusion_the_first_classes_are_taken():
    assert most_confused(np.arange(5), np.arange(5), 5, 3) == [0, 1, 2]


def test_a_class_without_test_rows_can_be_what_others_are_taken_for():
    assert most_confused(np.array([0, 1, 1]), np.array([0, 2, 1]), 3, 2) == [1, 2]


@pytest.mark.parametrize("n_classes", [1, 5])
def test_impossible_numbers_of_classes_are_refused(n_classes):
    with pytest.raises(InputError, match="n_classes"):
        most_confused(np.arange(4), np.arange(4), 4, n_classes)


def test_at_most_so_many_rows_of_each_label():
    labels = np.array([4] * 9 + [2] * 3 + [7])
    rows = at_most(labels, 3, np.random.default_rng(0))
    assert (np.diff(rows) > 0).all()
    assert np.unique(labels[rows], return_counts=True)[1].tolist() == [3, 3, 1]
    assert rows.tolist() == at_most(labels, 3, np.random.default_rng(0)).tolist()
    assert at_most(labels[:0], 3, np.random.default_rng(0)).tolist() == []


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_maps_keep_clusters_apart_and_do_not_change(method):
    z, y = clusters()
    places = plane(z, method, 10, 0)
    assert places.shape == (60, 2)
    distances = np.linalg.norm(places[:, None] - places[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    assert (y[distances.argmin(axis=1)] == y).all()
    assert (places == plane(z, method, 10, 0)).all()


def test_pca_shows_the_two_widest_directions():
    z = np.random.default_rng(0).normal(size=(50, 4)) * [1, 9, 1, 4]
    spread = plane(z, "pca", 1, 0).std(axis=0)
    assert spread == pytest.approx(np.sort(np.sqrt(np.linalg.eigvalsh(np.cov(z.T, ddof=0))))[::-1][:2])


@pytest.mark.parametrize(("points", "features"), [(4, 3), (12, 1), (5, 80)])
@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_small_and_thin_inputs_have_a_map(method, points, features):
    z = np.random.default_rng(0).normal(size=(points, features))
    places = plane(z, method, 30, 0)
    assert places.shape == (points, 2)
    assert np.isfinite(places).all()


@pytest.mark.parametrize(
    ("points", "changes"), [(3, {}), (9, {"method": "isomap"}), (9, {"perplexity": 0}), (9, {"perplexity": "many"})]
)
def test_impossible_maps_are_refused(points, changes):
    with pytest.raises(InputError):
        plane(np.ones((points, 2)), **{"method": "tsne", "perplexity": 5, "seed": 0} | changes)


def test_umap_says_how_it_is_installed(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(module.importlib, "import_module", missing)
    with pytest.raises(InputError, match=r"pip install -e '\.\[umap\]'"):
        plane(np.ones((9, 2)), "umap", 5, 0)


def test_umap_gets_the_reduced_embeddings(monkeypatch):
    """A stand-in: compiling the real one takes longer than all other tests of this file."""
    given = {}

    class UMAP:
        def __init__(self, **settings):
            given.update(settings)

        def fit_transform(self, z):
            given["z"] = z
            return z[:, :2]

    monkeypatch.setattr(module.importlib, "import_module", lambda name: type("umap", (), {"UMAP": UMAP}))
    z = np.random.default_rng(0).normal(size=(70, 60))
    assert plane(z, "umap", 15, 3).shape == (70, 2)
    assert given["z"].shape == (70, 50)
    assert (given["n_neighbors"], given["random_state"]) == (15, 3)
