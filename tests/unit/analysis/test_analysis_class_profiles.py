"""Magnitude, identity and frequency of the features of each class, against loops."""

import numpy as np
import pytest

from lightning_imb.analysis import class_embeddings
from lightning_imb.analysis.class_embeddings import Embedded
from lightning_imb.analysis.class_profiles import class_profiles
from lightning_imb.analysis.feature_overlap import overlap
from lightning_imb.analysis.magnitude_match import magnitude_match
from lightning_imb.analysis.top_features import at_features, in_own_top, shares, top_features
from lightning_imb.utils.errors import InputError

N, D, C, K = 60, 9, 4, 3


@pytest.fixture
def data():
    """Embeddings, labels and predictions; class 3 is never right, class 2 never wrong."""
    rng = np.random.default_rng(1)
    embedded = Embedded(rng.random((N, D)).astype(np.float32), rng.normal(size=(C, D)), rng.normal(size=C))
    labels = rng.integers(0, C, N)
    predicted = np.where(rng.random(N) < 0.5, labels, (labels + 1) % C)
    predicted = np.where(labels == 3, 0, np.where(labels == 2, 2, predicted))
    return embedded, labels, predicted


def values_of_row(embedded, i, c, kind, signed):
    if kind == "fe":
        return embedded.z[i]
    parts = embedded.z[i] * embedded.weight[c]
    return parts if signed else abs(parts)


def mean(rows):
    return np.mean(rows, axis=0) if rows else np.full(D, np.nan)


@pytest.mark.parametrize("ce_class", ["label", "predicted"])
@pytest.mark.parametrize(("kind", "signed"), [("ce", False), ("ce", True), ("fe", False)])
def test_profiles_are_those_of_plain_loops(data, kind, signed, ce_class, monkeypatch):
    monkeypatch.setattr(class_embeddings, "_BLOCK", 5 * D)  # several blocks per class
    embedded, labels, predicted = data
    found = class_profiles(*data, kind, K, ce_class, signed)
    for c in range(C):
        right, wrong, counts = [], [], np.zeros(D, dtype=int)
        for i in np.flatnonzero(labels == c):
            values = values_of_row(embedded, i, predicted[i] if ce_class == "predicted" else c, kind, signed)
            (right if predicted[i] == c else wrong).append(values)
            counts[sorted(range(D), key=lambda d, v=values: -v[d])[:K]] += 1
        assert (found.rows[c], found.right[c]) == (len(right) + len(wrong), len(right))
        np.testing.assert_allclose(found.tp[c], mean(right), rtol=1e-6)
        np.testing.assert_allclose(found.fn[c], mean(wrong), rtol=1e-6)
        np.testing.assert_allclose(found.mean[c], mean(right + wrong), rtol=1e-6)
        assert found.contained[c].tolist() == counts.tolist()


def test_a_class_without_true_positives_has_no_top_features_by_ce_but_by_fe(data):
    ce, fe = (class_profiles(*data, kind, K) for kind in ("ce", "fe"))
    assert ce.top_features("ce")[3].tolist() == [-1, -1, -1]
    assert (ce.top_features("ce")[:3] >= 0).all()
    expected = data[0].z[data[1] == 3].mean(axis=0)
    assert fe.top_features("fe")[3].tolist() == np.argsort(-expected)[:K].tolist()
    assert np.isfinite(ce.frequency).all()


def test_a_class_without_rows_has_a_row_of_nan(data):
    embedded, labels, predicted = data
    labels = np.where(labels == 1, 0, labels)
    found = class_profiles(embedded, labels, predicted, "fe", K)
    assert np.isnan(found.frequency[1]).all()
    assert found.top_features("fe")[1].tolist() == [-1] * K


def test_frequencies_sum_to_k_and_are_one_where_k_is_all(data):
    np.testing.assert_allclose(class_profiles(*data, "ce", K).frequency.sum(axis=1), K)
    assert (class_profiles(*data, "ce", D).frequency == 1).all()


def test_planted_weights_are_found():
    rng = np.random.default_rng(2)
    planted = np.array([[1, 4, 6], [0, 2, 8]])
    weight = np.full((2, D), 0.01)
    for c, features in enumerate(planted):
        weight[c, features] = 10
    labels = np.arange(40) % 2
    embedded = Embedded(rng.uniform(0.5, 1, (40, D)), weight, np.zeros(2))
    found = class_profiles(embedded, labels, labels, "ce", K).top_features("ce")
    assert np.sort(found, axis=1).tolist() == planted.tolist()


def test_permuted_features_are_the_same_features_under_other_names(data):
    embedded, labels, predicted = data
    order = np.random.default_rng(3).permutation(D)  # new feature j is old feature order[j]
    other = Embedded(embedded.z[:, order], embedded.weight[:, order], embedded.bias)
    a, b = (class_profiles(e, labels, predicted, "ce", K) for e in (embedded, other))
    known = a.right > 0
    assert (order[b.top_features("ce")] == a.top_features("ce"))[known].all()
    for values in ("tp", "fn", "frequency"):
        np.testing.assert_array_equal(getattr(b, values), getattr(a, values)[:, order])


def test_a_split_matches_itself(data):
    found = class_profiles(*data, "ce", K)
    features = found.top_features("ce")
    match = magnitude_match(found.tp, found.tp, features)
    assert (match.ratio[:3] == 1).all()
    assert match.abs_log[:3].tolist() == [0, 0, 0]
    assert np.isnan(match.abs_log[3])
    assert overlap(features, features)[:3].tolist() == [1, 1, 1]


def test_top_features_come_largest_first_and_ties_by_index():
    magnitude = np.array([[1.0, 3, 3, 0, 5], [0, 0, 0, 0, 0], [1, np.nan, 0, 0, 0]])
    assert top_features(magnitude, 3).tolist() == [[4, 1, 2], [0, 1, 2], [-1, -1, -1]]


def test_magnitudes_and_shares_follow_the_features():
    magnitude = np.array([[1.0, 3, 4], [0, 0, 0], [np.nan] * 3])
    chosen = at_features(magnitude, np.array([[2, 1], [0, 1], [-1, -1]]))
    np.testing.assert_array_equal(chosen, [[4, 3], [0, 0], [np.nan, np.nan]])
    np.testing.assert_allclose(shares(chosen), [[4 / 7, 3 / 7], [np.nan] * 2, [np.nan] * 2])


def test_rows_with_ties_choose_exactly_k_by_index():
    values = np.array([[0, 0, 0, 0], [1, 2, 2, 2], [5, 0, 0, 1], [-1, -3, -2, -9]], dtype=np.float32)
    expected = [[1, 1, 0, 0], [0, 1, 1, 0], [1, 0, 0, 1], [1, 0, 1, 0]]
    assert in_own_top(values, 2).astype(int).tolist() == expected


@pytest.mark.parametrize("top", [0, D + 1])
def test_more_features_than_there_are_cannot_be_chosen(data, top):
    with pytest.raises(InputError, match=f"top={top} features of {D} .* use top from 1 to {D}"):
        class_profiles(*data, "ce", top)
    with pytest.raises(InputError, match="use top from 1"):
        top_features(np.ones((2, D)), top)
