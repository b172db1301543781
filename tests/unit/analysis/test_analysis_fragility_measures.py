"""Overlap, diversity, train-test match, density ratios, head change and archetypes."""

import itertools

import numpy as np
import pytest

from lightning_imb.analysis.archetypes import ARCHETYPES, archetype_counts, archetypes
from lightning_imb.analysis.density import density_ratio
from lightning_imb.analysis.diversity import (
    distinct_features,
    distinct_features_at,
    effective_features,
    features_for_share,
)
from lightning_imb.analysis.feature_overlap import overlap, overlap_matrix
from lightning_imb.analysis.head_change import head_change
from lightning_imb.analysis.magnitude_match import magnitude_match
from lightning_imb.resampling.rows import Search
from lightning_imb.utils.errors import InputError

A = np.array([[0, 1, 2], [5, 3, 4], [-1, -1, -1]])
B = np.array([[2, 1, 9], [3, 4, 5], [0, 1, 2]])


def test_overlap_is_the_shared_part_of_each_class():
    np.testing.assert_allclose(overlap(A, B), [2 / 3, 1, np.nan])


def test_overlap_matrix_compares_every_class_with_every_class():
    found = overlap_matrix(A, B)
    for i, j in itertools.product(range(3), range(3)):
        expected = np.nan if A[i, 0] < 0 else len(set(A[i]) & set(B[j])) / 3
        np.testing.assert_allclose(found[i, j], expected)


def test_all_features_overlap_with_all_features():
    everything = np.array([[2, 0, 1], [1, 0, 2]])
    assert overlap(everything, everything[::-1]).tolist() == [1, 1]


def test_overlap_knows_classes_none_of_which_has_features():
    assert np.isnan(overlap_matrix(A[2:], A[2:])).all()


def test_share_counts_the_fewest_features_that_hold_it():
    magnitude = np.array([[1, 8, 1, 0], [0.25] * 4, [0, 0, 0, 0], [np.nan] * 4, [10, -5, 0, 0]])
    np.testing.assert_array_equal(features_for_share(magnitude), [2, 4, np.nan, np.nan, 1])
    np.testing.assert_array_equal(features_for_share(magnitude, 1.0), [3, 4, np.nan, np.nan, 1])


def test_share_is_not_moved_by_rounding():
    assert features_for_share(np.full((1, 10), 0.1)).tolist() == [9]


def test_rows_that_all_share_one_top_k_have_k_features():
    contained = np.array([[7, 7, 7, 0, 0], [0, 0, 0, 0, 0]])
    np.testing.assert_allclose(effective_features(contained), [3, np.nan])
    assert distinct_features(contained).tolist() == [3, 0]
    np.testing.assert_allclose(distinct_features_at(contained, np.array([7, 0]), 2), [3, np.nan])


def test_effective_number_is_that_of_the_entropy():
    contained = np.array([[5, 3, 2, 0], [4, 4, 4, 4]])
    p = np.array([0.5, 0.3, 0.2])
    np.testing.assert_allclose(effective_features(contained), [np.exp(-(p * np.log(p)).sum()), 4])


@pytest.mark.parametrize("size", [1, 2, 4, 6])
def test_distinct_features_at_equal_size_are_the_mean_over_all_draws(size):
    own = np.random.default_rng(0).random((6, 5)).argsort(axis=1)[:, :2]  # K=2 of 5 features, 6 rows
    contained = np.bincount(own.ravel(), minlength=5)[None]
    draws = [len(set(own[list(rows)].ravel())) for rows in itertools.combinations(range(6), size)]
    np.testing.assert_allclose(distinct_features_at(contained, np.array([6]), size), [np.mean(draws)])


def test_a_class_with_fewer_rows_than_are_drawn_has_no_number():
    assert np.isnan(distinct_features_at(np.array([[2, 1]]), np.array([3]), 4)).all()


def test_match_divides_test_by_train_at_the_features_of_training():
    train = np.array([[1.0, 2, 4], [1, 1, 1]])
    test = np.array([[3.0, 2, 1], [2, 1, 9]])
    found = magnitude_match(train, test, np.array([[2, 1], [0, 1]]))
    np.testing.assert_allclose(found.ratio, [[0.25, 1], [2, 1]])
    np.testing.assert_allclose(found.abs_log, [np.log(4) / 2, np.log(2) / 2])
    np.testing.assert_allclose(found.log, [-np.log(4) / 2, np.log(2) / 2])
    assert found.dropped.tolist() == [0, 0]


def test_features_without_a_logarithm_are_left_out_and_counted():
    train = np.array([[0.0, 2, 2], [0, 0, 0], [1, 1, 1], [np.nan] * 3])
    test = np.array([[5.0, 4, 0], [1, 1, 1], [np.nan] * 3, [1, 1, 1]])
    features = np.array([[0, 1, 2], [0, 1, 2], [0, 1, 2], [-1, -1, -1]])
    found = magnitude_match(train, test, features)
    np.testing.assert_array_equal(found.ratio[0], [np.nan, 2, 0])
    np.testing.assert_allclose(found.abs_log, [np.log(2), np.nan, np.nan, np.nan])
    assert found.dropped.tolist() == [2, 3, 3, 3]


def test_density_of_the_reference_against_itself_is_one():
    contained = np.array([[8, 4, 0, 2], [2, 0, 3, 5], [0, 0, 0, 0]])
    found = density_ratio(contained, np.array([10, 5, 0]), np.array([0, 1, 3]), reference=0)
    assert found.rate[0].tolist() == found.raw[0].tolist() == [1, 1, 1]
    np.testing.assert_allclose(found.raw[1], [2 / 8, 0, 5 / 2])
    np.testing.assert_allclose(found.rate[1], [(2 / 5) / (8 / 10), 0, 1 / (2 / 10)])
    assert np.isnan(found.rate[2]).all()
    assert np.isnan(found.raw[2]).all()


def test_density_is_unknown_where_the_reference_has_no_row_with_the_feature():
    found = density_ratio(np.array([[0, 3], [2, 1]]), np.array([3, 3]), np.array([0, 1]), reference=0)
    assert np.isnan(found.rate[:, 0]).all()
    assert np.isnan(found.raw[:, 0]).all()
    np.testing.assert_allclose(found.raw[:, 1], [1, 1 / 3])


def test_head_change_is_that_of_the_entries():
    base = np.array([[1.0, -2, 0], [4, 5, 10]], dtype=np.float32)
    weight = np.array([[2.0, -1, 3], [4, 5, 5]], dtype=np.float32)
    found = head_change(base, weight)
    assert found.zeros == 1
    np.testing.assert_allclose(found.relative, (1 + 0.5 + 0.5) / 5)
    np.testing.assert_allclose(found.class_relative, [1.5 / 2, 0.5 / 3])
    np.testing.assert_allclose(found.frobenius, np.sqrt((1 + 1 + 9 + 25) / (1 + 4 + 16 + 25 + 100)))
    np.testing.assert_allclose(found.class_frobenius, np.sqrt([11 / 5, 25 / 141]))
    assert np.isnan(head_change(0 * base, weight).relative)


def test_archetypes_follow_the_neighbours():
    """Each row against a loop over all distances."""
    rng = np.random.default_rng(4)
    y = np.repeat([0, 1, 2], [20, 12, 3])
    z = (rng.normal(size=(35, 2)) + 1.2 * y[:, None]).astype(np.float32)
    found = archetypes(z, y, Search())
    for i in range(35):
        far = ((z.astype(np.float64) - z[i]) ** 2).sum(axis=1)
        far[i] = np.inf
        same = (y[far.argsort()[:5]] == y[i]).sum()
        kind = "safe" if same >= 4 else "border" if same >= 2 else "rare" if same == 1 else "outlier"
        assert ARCHETYPES[found[i]] == kind
    counts = archetype_counts(found, y, 4)
    assert counts.sum(axis=1).tolist() == [20, 12, 3, 0]
    assert counts[1].tolist() == [(found[y == 1] == k).sum() for k in range(4)]
    assert len(set(found)) == 4  # the data have rows of every kind


def test_too_few_rows_have_no_archetype():
    with pytest.raises(InputError, match="5 rows have no 5 neighbours"):
        archetypes(np.eye(5), np.zeros(5, dtype=np.int64), Search())
