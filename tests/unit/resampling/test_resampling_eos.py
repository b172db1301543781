from typing import ClassVar

import numpy as np
import pytest
from helpers.eos import FALLBACKS, blobs, explain, naive_pairs
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import Pipeline
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from lightning_imb.resampling import EOS
from lightning_imb.utils.errors import InputError


class TestToys:
    @pytest.mark.parametrize("variant", ["corrected", "official"])
    def test_one_row_needed(self, variant):
        X, y = np.array([[0.0], [1], [3], [3.5], [4.2]]), np.array(["B", "B", "A", "A", "A"])
        high = {"corrected": 3, "official": 1}[variant]
        rows = []
        for seed in range(60):
            sampler = EOS(k=2, variant=variant, random_state=seed)
            result, labels = sampler.fit_resample(X, y)
            assert len(result) == 6
            assert labels[-1] == "B"
            rows.append(result[-1, 0])
            partners = {"corrected": {"enemy": 1, "same_class": 0}, "official": {"enemy": 0, "same_class": 1}}
            assert sampler.report_[1]["partners"] == {"copy": 0, **partners[variant]}
        assert min(rows) >= 0
        assert max(rows) < high
        assert max(rows) > 0.8 * high  # the segment is used up to its far end

    def test_the_bases_of_the_first_toy(self):
        X, y = np.array([[0.0], [1], [3], [3.5], [4.2]]), np.array([1, 1, 0, 0, 0])
        fixed = [EOS(k=2, r_range=[0.5, 0.5], random_state=s).fit_resample(X, y)[0][-1, 0] for s in range(40)]
        assert set(fixed) == {1.5, 2.0}  # halfway from 0 and from 1 to the enemy at 3
        official = EOS(k=2, r_range=[0.5, 0.5], variant="official", random_state=0)
        assert official.fit_resample(X, y)[0][-1, 0] == 0.5

    @pytest.mark.parametrize(("variant", "midpoints"), [("corrected", {6.0, 5.5}), ("official", {10.0, 6.0})])
    def test_single_row_class(self, variant, midpoints):
        """Base 10, neighbours 2 and 1, both enemies: corrected pairs with 2 or 1, official with 10 or 2."""
        X, y = np.array([[0.0], [1], [2], [10]]), np.array([0, 0, 0, 1])
        sampler = EOS(k=2, variant=variant, r_range=[0.5, 0.5])
        rows = np.concatenate([sampler.set_params(random_state=s).fit_resample(X, y)[0][4:] for s in range(300)])
        assert set(rows[:, 0]) == midpoints
        assert abs(np.mean(rows == min(midpoints)) - 0.5) < 0.1  # each with probability one half


class TestPartners:
    @pytest.mark.parametrize("k", [1, 3, 6])
    @pytest.mark.parametrize("variant", ["corrected", "official"])
    def test_the_pairs_drawn_are_those_of_the_naive_algorithm(self, variant, k):
        X, y = blobs([40, 10, 4, 1])
        many = {1: 800, 2: 400, 3: 200}  # enough draws to see every pair
        sampler = EOS(k=k, variant=variant, sampling_strategy=many, random_state=3)
        result, labels = sampler.fit_resample(X, y)
        pairs = {i: partners for i, partners in naive_pairs(X, y, k, variant).items() if y[i] != 0}
        used = set()
        for row, label in zip(result[len(X) :], labels[len(X) :], strict=True):
            found = explain(row, X, {i: p for i, p in pairs.items() if y[i] == label})
            assert found
            used |= {(i, p) for i, p, _ in found}
        assert used == {(i, p) for i, partners in pairs.items() for p in partners}
        assert [r["eligible"] for r in sampler.report_[1:]] == [sum(y[i] == c for i in pairs) for c in (1, 2, 3)]

    def test_corrected_partners_are_enemies(self):
        X, y = blobs([80, 30, 10])
        sampler = EOS(k=7, random_state=0)
        sampler.fit_resample(X, y)
        for report in sampler.report_[1:]:
            assert report["partners"] == {"copy": 0, "same_class": 0, "enemy": report["generated"]}
            assert report["fallback"] is None

    def test_official_counts_its_partners(self):
        X, y = blobs([200, 80, 30], spread=0.7)
        sampler = EOS(k=10, variant="official", random_state=0)
        sampler.fit_resample(X, y)
        for report in sampler.report_[1:]:
            assert sum(report["partners"].values()) == report["generated"]
            assert min(report["partners"].values()) > 0

    def test_official_with_one_neighbour_copies_borderline_rows(self):
        X, y = blobs([70, 30, 12])
        result, labels = EOS(k=1, variant="official", random_state=0).fit_resample(X, y)
        pairs = naive_pairs(X, y, 1, "official")
        assert all(partners == {i} for i, partners in pairs.items())
        for label in (1, 2):
            borderline = X[[i for i in pairs if y[i] == label]]
            drawn = result[len(X) :][labels[len(X) :] == label]
            assert {r.tobytes() for r in drawn} == {r.tobytes() for r in borderline}

    def test_nearest_enemy_only(self):
        X, y = blobs([60, 20])
        result, _ = EOS(k=50, enemy="nearest", r_range=[0.5, 0.5], random_state=0).fit_resample(X, y)
        distance = np.linalg.norm(X[:, None] - X[None], axis=2)
        distance[y[:, None] == y[None]] = np.inf
        halfway = (X + X[distance.argmin(axis=1)]) / 2
        assert all(np.isclose(halfway[y == 1], row).all(axis=1).any() for row in result[len(X) :])

    def test_eligibility_grows_with_k(self):
        X, y = blobs([80, 40, 15], spread=0.4)
        eligible = []
        for k in range(1, 40):
            sampler = EOS(k=k, random_state=0)
            sampler.fit_resample(X, y)
            eligible.append([r["eligible"] for r in sampler.report_[1:]])
            pairs = naive_pairs(X, y, k, "corrected")
            assert set(pairs) <= set(naive_pairs(X, y, k + 1, "corrected"))
        assert (np.diff(eligible, axis=0) >= 0).all()
        assert eligible[0] != eligible[-1]

    def test_relabelling_the_classes_permutes_the_report(self):
        X, y = blobs([60, 25, 9])
        one, other = EOS(k=4, random_state=0), EOS(k=4, random_state=0)
        one.fit_resample(X, y)
        other.fit_resample(X, 2 - y)
        assert [r["eligible"] for r in one.report_] == [r["eligible"] for r in other.report_[::-1]]
        assert [r["partners"] for r in one.report_] == [r["partners"] for r in other.report_[::-1]]

    @pytest.mark.parametrize("k", [29, 30, 500])
    def test_k_beyond_the_rows_means_all_of_them(self, k):
        X, y = blobs([20, 10])
        sampler = EOS(k=k, random_state=0)
        result, _ = sampler.fit_resample(X, y)
        assert sampler.report_[1]["eligible"] == 10
        np.testing.assert_array_equal(result, EOS(k=29, random_state=0).fit_resample(X, y)[0])

    def test_duplicated_rows_of_one_class_never_pair_among_themselves(self):
        X, y = blobs([40, 10])
        X[y == 1] = X[y == 1][0]
        X[np.flatnonzero(y == 0)[:3]] = X[y == 1][0]  # enemies at distance zero
        sampler = EOS(k=12, random_state=0)
        result, _ = sampler.fit_resample(X, y)
        assert sampler.report_[1]["partners"] == {"copy": 0, "same_class": 0, "enemy": 30}
        pairs = {i: set(np.flatnonzero(y == 0)) for i in np.flatnonzero(y == 1)}
        assert all(explain(row, X, pairs) for row in result[len(X) :])


class TestPoints:
    def test_one_r_per_row_or_one_per_feature(self):
        X, y = np.array([[0.0, 0, 0], [1, 1, 1], [5, 5, 5], [5, 5, 6]]), np.array([1, 0, 0, 0])
        scalar = EOS(k=1, random_state=0).fit_resample(X, y)[0][4:]
        np.testing.assert_allclose(scalar, scalar[:, :1].repeat(3, axis=1))
        vector = EOS(k=1, per_feature=True, random_state=0).fit_resample(X, y)[0][4:]
        assert (np.ptp(vector, axis=1) > 0).all()
        assert ((vector >= 0) & (vector < 1)).all()

    @pytest.mark.parametrize("bounds", [(0.0, 0.3), [0.7, 1.0], (0.2, 0.2)])
    def test_r_stays_in_its_range(self, bounds):
        X, y = np.array([[0.0]] + [[1.0]] * 400), np.array([1] + [0] * 400)
        r = EOS(k=1, r_range=bounds, random_state=0).fit_resample(X, y)[0][401:, 0]
        assert bounds[0] <= r.min() <= r.max() <= bounds[1]
        np.testing.assert_allclose([r.min(), r.max()], bounds, atol=0.01)

    @pytest.mark.parametrize("bounds", [(0.5, 0.1), (-0.1, 1), (0, 1.5), (0.1,), (0, 0.5, 1)])
    def test_impossible_ranges_are_errors(self, bounds):
        with pytest.raises(InputError, match="r_range"):
            EOS(r_range=bounds).fit_resample(*blobs([5, 2]))

    @pytest.mark.parametrize("on_empty", FALLBACKS)
    @pytest.mark.parametrize("variant", ["corrected", "official"])
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_non_negative_features_stay_non_negative(self, dtype, variant, on_empty):
        X, y = blobs([300, 60, 3], dtype=dtype)
        X[:, 2] *= 1e-30
        result, _ = EOS(variant=variant, on_empty=on_empty, random_state=0).fit_resample(np.maximum(X, 0), y)
        assert result.min() >= 0
        assert np.isfinite(result).all()


class TestContractOfTheResult:
    @pytest.mark.parametrize("variant", ["corrected", "official"])
    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    def test_counts_order_dtype(self, dtype, variant):
        X, y = blobs([50, 20, 1, 30], dtype=dtype)
        before = X.copy(), y.copy()
        sampler = EOS(variant=variant, random_state=0)
        result, labels = sampler.fit_resample(X, y)
        assert result[: len(X)].tobytes() == X.tobytes() == before[0].tobytes()
        np.testing.assert_array_equal(labels, np.r_[before[1], np.repeat([1, 2, 3], [30, 49, 20])])
        assert result.dtype == dtype
        assert labels.dtype == y.dtype
        assert np.isfinite(result).all()
        assert [r["generated"] for r in sampler.report_] == [0, 30, 49, 20]
        assert [r["n"] for r in sampler.report_] == [50, 20, 1, 30]
        assert [r["label"] for r in sampler.report_] == [0, 1, 2, 3]

    @pytest.mark.parametrize(
        ("strategy", "expected"),
        [
            ({1: 25, 2: 8}, [40, 25, 8]),
            ("minority", [40, 15, 40]),
            ("not minority", [40, 40, 5]),
            ({2: 5}, [40, 15, 5]),
        ],
    )
    def test_sampling_strategies(self, strategy, expected):
        _, labels = EOS(sampling_strategy=strategy, random_state=0).fit_resample(*blobs([40, 15, 5]))
        np.testing.assert_array_equal(np.bincount(labels), expected)

    def test_binary_ratio(self):
        _, labels = EOS(sampling_strategy=0.5, random_state=0).fit_resample(*blobs([40, 5]))
        np.testing.assert_array_equal(np.bincount(labels), [40, 20])

    def test_balanced_input_is_returned_as_it_is(self):
        X, y = blobs([10, 10, 10])
        result, labels = EOS(random_state=0).fit_resample(X, y)
        np.testing.assert_array_equal(result, X)
        np.testing.assert_array_equal(labels, y)

    def test_one_class_only_is_a_clear_error(self):
        with pytest.raises(InputError, match="at least two classes"):
            EOS().fit_resample(np.zeros((5, 2)), np.ones(5, int))

    def test_sparse_and_integer_input(self):
        X, y = blobs([30, 8])
        X = np.maximum(X, 0)
        dense, _ = EOS(random_state=0).fit_resample(X, y)
        for kind in (sparse.csr_matrix, sparse.csc_matrix):
            result, _ = EOS(random_state=0).fit_resample(kind(X), y)
            assert isinstance(result, kind)
            np.testing.assert_array_equal(result.toarray(), dense)
        whole, _ = EOS(random_state=0).fit_resample((10 * X).astype(np.int32), y)
        assert whole.dtype == np.int32

    @pytest.mark.parametrize(
        "parameter",
        [{"k": 0}, {"variant": "both"}, {"enemy": "far"}, {"device": "tpu"}, {"memory_mb": 0}, {"backend": "annoy"}],
    )
    def test_misspelt_parameters_are_errors(self, parameter):
        with pytest.raises(ValueError, match=next(iter(parameter))):
            EOS(**parameter).fit_resample(*blobs([5, 2]))


class TestCeosLike:
    """What conf/resampler/ceos_like.yaml sets: each row moves toward its nearest enemy, by less than half the way."""

    OPTIONS: ClassVar = {"k": 1, "enemy": "nearest", "ineligible": "nearest_enemy", "r_range": [0.0, 0.5]}

    @pytest.mark.parametrize("gap", [1.0, 100.0])  # enemies among the neighbours, and out of their reach
    def test_against_loops(self, gap):
        X, y = blobs([30, 10, 4, 1])
        X += gap * y[:, None]
        sampler = EOS(**self.OPTIONS, sampling_strategy={0: 30, 1: 130, 2: 60, 3: 5}, random_state=0)
        result, labels = sampler.fit_resample(X, y)
        bases = set()
        for row, label in zip(result[len(X) :], labels[len(X) :], strict=True):
            pairs = {}
            for i in np.flatnonzero(y == label):
                distance = np.where(y == label, np.inf, np.linalg.norm(X - X[i], axis=1))
                pairs[i] = {int(distance.argmin())}
            found = [(i, r) for i, _, r in explain(row, X, pairs) if r < 0.5]
            assert found, row
            bases.add(found[0][0])
        assert bases == set(np.flatnonzero(y > 0))  # every row of a class that grows is a base
        assert [entry["fallback"] for entry in sampler.report_] == [None] * 4

    def test_more_neighbours_change_nothing(self):
        X, y = blobs([30, 10, 4, 1])
        one, many = (EOS(**self.OPTIONS | {"k": k}, random_state=0).fit_resample(X, y)[0] for k in (1, 20))
        assert one.tobytes() == many.tobytes()


def test_in_a_pipeline():
    X, y = blobs([150, 40, 15], spread=0.5)
    pipeline = Pipeline([("eos", EOS(random_state=0)), ("head", LogisticRegression())])
    score = cross_val_score(pipeline, X, y, scoring="balanced_accuracy", error_score="raise")
    assert score.shape == (5,)
    assert score.mean() > 0.5  # chance is one third
    assert pipeline.set_params(eos__k=3).get_params()["eos__k"] == 3


def test_random_over_sampling_of_imbalanced_learn_keeps_the_originals_first():
    X, y = blobs([30, 10, 1])
    result, labels = RandomOverSampler(random_state=0).fit_resample(X, y)
    np.testing.assert_array_equal(result[: len(X)], X)
    np.testing.assert_array_equal(labels[: len(X)], y)
