"""What random divisions of the rows of a class give, against loops and where nothing has shifted."""

import numpy as np
import pytest

from lightning_imb.analysis import class_embeddings
from lightning_imb.analysis.class_embeddings import Embedded
from lightning_imb.analysis.class_measures import class_measures
from lightning_imb.analysis.class_profiles import class_profiles
from lightning_imb.analysis.match_by_chance import Answered, ChanceMatch, match_by_chance
from lightning_imb.utils.errors import InputError

C, D, K = 3, 7, 2


def split(rng, rows, weight, right=0.7):
    labels = np.repeat(np.arange(len(rows)), rows)
    predicted = np.where(rng.random(len(labels)) < right, labels, (labels + 1) % len(rows))
    z = rng.exponential(size=(len(labels), weight.shape[1]))
    return Answered(Embedded(z, weight, np.zeros(len(rows))), labels, predicted)


@pytest.fixture
def data():
    rng = np.random.default_rng(5)
    weight = rng.normal(size=(C, D))
    return split(rng, (12, 9, 5), weight), split(rng, (6, 7, 8), weight)


def loop(values, ranked_by, first_tp, first_all):
    """One division by loops: values of all rows, which are true positives of the first side, and which are of it."""
    means = [[np.mean([values[i, d] for i in side]) for d in range(D)] for side in first_tp]
    ranks = [[np.mean([ranked_by[i, d] for i in side]) for d in range(D)] for side in first_all]
    top = [sorted(range(D), key=lambda d, r=r: -r[d])[:K] for r in ranks]
    return np.mean([abs(np.log(means[1][d] / means[0][d])) for d in top[0]]), len(set(top[0]) & set(top[1])) / K


@pytest.mark.parametrize("kind", ["ce", "fe"])
def test_divisions_are_those_of_plain_loops(data, kind, monkeypatch):
    monkeypatch.setattr(class_embeddings, "_BLOCK", 3 * D)  # several blocks per class
    found = match_by_chance(*data, kind, K, False, 4, seed=9)
    for c in range(C):
        rng = np.random.default_rng([9, c])
        values, sides = [], {}
        for hit in (True, False) if kind == "fe" else (True,):
            mine = [[i for i in np.flatnonzero(s.labels == c) if (s.predicted[i] == c) == hit] for s in data]
            pool = [s.embedded.z[i] for s, rows in zip(data, mine, strict=True) for i in rows]
            marks = np.tile(np.arange(len(pool)) < len(mine[0]), (4, 1))
            sides[hit] = len(values), rng.permuted(marks, axis=1)
            values += [x if kind == "fe" else abs(x * data[0].embedded.weight[c]) for x in pool]
        for r in range(4):
            parts = {h: [at + np.flatnonzero(m[r] == side) for side in (1, 0)] for h, (at, m) in sides.items()}
            both = [np.concatenate([part[side] for part in parts.values()]) for side in (0, 1)]
            expected = loop(np.array(values), np.array(values), parts[True], both)
            np.testing.assert_allclose((found.abs_log[c, r], found.overlap[c, r]), expected)


def measured(train, test, kind="ce", repetitions=10, top=5):
    profiles = [class_profiles(*side, kind, top) for side in (train, test)]
    return class_measures(*profiles, kind, None, match_by_chance(train, test, kind, top, False, repetitions, 0))


@pytest.mark.parametrize("kind", ["ce", "fe"])
def test_where_nothing_has_shifted_small_classes_are_off_by_chance_alone(kind):
    rng = np.random.default_rng(6)
    sizes = np.repeat([1000, 50, 20], 30)
    weight = rng.uniform(0.9, 1.1, (len(sizes), 20))
    table = measured(split(rng, sizes, weight, 1), split(rng, np.full(len(sizes), 100), weight, 1), kind)
    means = table.groupby(np.repeat(["large", "middle", "small"], 30)).mean()
    raw, excess = means["abs_log_r_tp"], means["excess_abs_log_r_tp"]
    assert raw["small"] > 1.5 * raw["middle"] > 1.5 * raw["large"]
    assert (excess.abs() < 0.15 * raw).all()
    assert means["overlap_train_test"]["small"] < 0.9
    np.testing.assert_allclose(means["overlap_train_test"], means["null_overlap_train_test"], atol=0.06)


def test_a_shift_is_beyond_chance():
    rng = np.random.default_rng(7)
    weight = np.ones((2, 20))
    train, test = (split(rng, rows, weight, 1) for rows in ((500, 30), (200, 200)))
    test.embedded.z[:] *= 2
    excess = measured(train, test)["excess_abs_log_r_tp"]
    assert np.log(2) > excess[0] > 0.5
    assert np.log(2) > excess[1] > 0.2  # of few rows it says too little


def test_columns_are_mean_and_deviation_of_the_divisions(data):
    chance = ChanceMatch(np.array([[1.0, 3], [2, np.nan], [np.nan] * 2]), np.array([[1, 0.5], [0, 0], [1, 1]]))
    profiles = [class_profiles(*side, "ce", K) for side in data]
    table = class_measures(*profiles, "ce", 4, chance)
    np.testing.assert_allclose(table["null_abs_log_r_tp"], [2, 2, np.nan])
    np.testing.assert_allclose(table["null_abs_log_r_tp_sd"], [np.sqrt(2), np.nan, np.nan])
    np.testing.assert_allclose(table["excess_abs_log_r_tp"], table["abs_log_r_tp"] - [2, 2, np.nan])
    np.testing.assert_allclose(table["null_overlap_train_test"], [0.75, 0, 1])
    assert table["matched_rows"].tolist() == [4, 4, 4]
    smallest = class_measures(*profiles, "ce", None, chance)
    assert smallest["matched_rows"].tolist() == [5, 5, 5]


def test_a_class_without_true_positives_or_rows_has_no_number(data):
    train, test = data
    train = train._replace(predicted=np.where(train.labels == 0, 1, train.labels))
    test = test._replace(labels=np.where(test.labels == 2, 1, test.labels))
    ce, fe = (match_by_chance(train, test, kind, K, False, 3, 0) for kind in ("ce", "fe"))
    for found in (*ce, fe.abs_log):
        assert np.isnan(found[[0, 2]]).all()
        assert np.isfinite(found[1]).all()
    assert np.isfinite(fe.overlap[[0, 1]]).all()
    assert np.isnan(fe.overlap[2]).all()


def test_a_feature_that_is_zero_in_all_rows_of_a_side_has_no_logarithm(data):
    train, test = data
    for side in data:
        side.embedded.z[:] = np.pi
        side.embedded.z[:, 3] = 0
    train.embedded.z[np.flatnonzero(train.labels == train.predicted)[0], 3] = 1e6  # wherever it goes, one side has 0
    assert match_by_chance(train, test, "fe", D, False, 20, 0).abs_log[0] == pytest.approx(np.zeros(20), abs=1e-9)


def test_divisions_are_drawn_again_by_the_seed(data):
    first, again, other = (match_by_chance(*data, "ce", K, False, 3, seed).abs_log for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_no_division_is_refused(data):
    with pytest.raises(InputError, match="repetitions is 0"):
        match_by_chance(*data, "ce", K, False, 0, 0)
