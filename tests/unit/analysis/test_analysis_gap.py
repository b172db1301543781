"""The generalization gap, its yardsticks and its parts."""

import itertools
import math

import numpy as np
import pytest
from imblearn.over_sampling import ADASYN, SMOTE, BorderlineSMOTE, RandomOverSampler

from lightning_imb.analysis import gap as module
from lightning_imb.analysis.gap import Labelled, class_gaps, matched_gap, mean_gaps, null_gap, range_gap
from lightning_imb.resampling import EOS, ClassWise
from lightning_imb.utils.errors import InputError

COUNTS = (60, 25, 9)


def rng(seed=0):
    return np.random.default_rng(seed)


def blobs(counts=COUNTS, features=5, seed=0, shift=1.0):
    """Overlapping classes, features not negative as after a ReLU."""
    y = np.repeat(np.arange(len(counts)), counts)
    z = np.abs(rng(seed).normal(y[:, None] * shift, 1.0, (len(y), features))).astype(np.float32)
    return Labelled(z, y)


def by_loops(train, test):
    """The formula, value by value."""
    total = 0.0
    for f in range(train.shape[1]):
        here, there = train[:, f].tolist(), test[:, f].tolist()
        total += max(0.0, max(there) - max(here)) + max(0.0, min(here) - min(there))
    return total


def gaps(train, test, predicted=None, repetitions=5, **changes):
    answers = test.y if predicted is None else predicted
    return class_gaps(train, test, answers, range(len(COUNTS)), repetitions, 0, **changes)


def test_gap_is_what_the_test_range_has_beyond_the_training_range():
    train, test = np.array([[0.0], [1.0]]), np.array([[-1.0], [3.0]])
    assert range_gap(train, test) == 3
    assert range_gap(test, train) == 0
    assert range_gap(train, train) == 0
    assert range_gap(train, np.array([[0.5]])) == 0


def test_gap_adds_up_all_features_as_the_formula_says():
    train, test = rng(1).normal(size=(7, 13)), rng(2).normal(size=(30, 13))
    assert range_gap(train, test) == pytest.approx(by_loops(train, test))


def test_gap_to_nothing_is_not_a_gap_of_zero():
    some, none = np.ones((3, 2)), np.ones((0, 2))
    for pair in ((some, none), (none, some)):
        assert math.isnan(range_gap(*pair))
        assert np.isnan(matched_gap(*pair, 3, rng())).all()
        assert np.isnan(null_gap(*pair, 3, rng())).all()


@pytest.mark.parametrize(("n", "m"), [(5000, 1000), (50, 1000)])
def test_rare_classes_have_a_gap_without_any_shift(n, m):
    """P(max_test > max_train) = m / (m + n): .167 and .952."""
    draws = rng().random((1000, n + m), dtype=np.float32)
    beyond = draws[:, n:].max(axis=1) > draws[:, :n].max(axis=1)
    assert beyond.mean() == pytest.approx(m / (m + n), abs=0.04)


def all_divisions(pool, n):
    """Mean gap over every division of all rows into n and the others."""
    rows = range(len(pool))
    parts = ([list(chosen), [i for i in rows if i not in chosen]] for chosen in itertools.combinations(rows, n))
    return np.mean([by_loops(pool[first], pool[second]) for first, second in parts])


def test_null_is_the_mean_over_divisions():
    pool = rng(3).normal(size=(7, 2))
    found = null_gap(pool[:4], pool[4:], 4000, rng())
    assert found.mean == pytest.approx(all_divisions(pool, 4), rel=0.05)


def test_matched_is_the_mean_over_draws_of_the_larger_side():
    train, test = rng(4).normal(size=(3, 2)), rng(5).normal(size=(8, 2))
    draws = [by_loops(train, test[list(rows)]) for rows in itertools.combinations(range(8), 3)]
    found = matched_gap(train, test, 4000, rng())
    assert found.mean == pytest.approx(np.mean(draws), rel=0.05)
    assert found.sd == pytest.approx(np.std(draws), rel=0.05)


def test_where_nothing_shifted_matched_and_null_agree():
    """Equal numbers of rows of one distribution: a draw of both sides is a random division."""
    found = []
    for seed in range(60):
        train, test = np.split(rng(seed).normal(size=(40, 10)), 2)
        found.append(
            [range_gap(train, test), matched_gap(train, test, 2, rng()).mean, null_gap(train, test, 20, rng()).mean]
        )
    gap, matched, null = np.mean(found, axis=0)
    assert gap == matched  # nothing is left to draw
    assert matched == pytest.approx(null, rel=0.1)


def test_matched_gap_does_not_grow_with_rarity_as_the_raw_one_does():
    raw, matched = [], []
    for n in (400, 20):
        pairs = [(rng(seed).normal(size=(n, 8)), rng(seed + 99).normal(size=(100, 8))) for seed in range(40)]
        raw.append(np.mean([range_gap(*pair) for pair in pairs]))
        matched.append(np.mean([matched_gap(*pair, 10, rng()).mean for pair in pairs]))
    assert raw[1] > 4 * raw[0]
    assert matched[1] < 2 * matched[0]


def test_equal_sides_leave_nothing_to_draw_and_one_draw_has_no_spread():
    train, test = rng(6).normal(size=(9, 3)), rng(7).normal(size=(9, 3))
    assert matched_gap(train, test, 4, rng()) == (pytest.approx(range_gap(train, test)), 0)
    assert math.isnan(null_gap(train, test, 1, rng()).sd)


@pytest.mark.parametrize("gauge", [matched_gap, null_gap])
def test_blocks_of_features_share_their_draws(gauge, monkeypatch):
    train, test = rng(8).normal(size=(30, 11)), rng(9).normal(size=(12, 11))
    whole = gauge(train, test, 6, rng())
    monkeypatch.setattr(module, "_BLOCK", 2 * 42)
    assert gauge(train, test, 6, rng()) == pytest.approx(whole)


def test_table_holds_the_formula_for_every_class():
    train, test = blobs(), blobs(seed=1)
    table = gaps(train, test)
    for c, row in table.set_index("class").iterrows():
        here, there = train.z[train.y == c], test.z[test.y == c]
        assert row["gap"] == pytest.approx(by_loops(here, there), rel=1e-5)
        assert row["excess"] == pytest.approx(row["gap"] - row["null"])
        assert (row["train_rows"], row["test_rows"]) == (len(here), len(there))


def test_parts_bound_the_whole():
    train, test = blobs(), blobs((40, 40, 40), seed=1)
    predicted = rng(2).integers(0, 3, len(test.y))
    table = gaps(train, test, predicted, false_positives=True)
    parts = table[["gap_tp", "gap_fn"]]
    assert (parts.max(axis=1) <= table["gap"] + 1e-6).all()
    assert (table["gap"] <= parts.sum(axis=1) + 1e-6).all()
    for c, row in table.set_index("class").iterrows():
        here = train.z[train.y == c]
        right, wrong = (test.y == c) & (predicted == c), (test.y != c) & (predicted == c)
        assert row["gap_tp"] == pytest.approx(by_loops(here, test.z[right]), rel=1e-5)
        assert row["gap_fp"] == pytest.approx(by_loops(here, test.z[wrong]), rel=1e-5)
        assert (row["tp_rows"], row["fp_rows"]) == (right.sum(), wrong.sum())
        assert row["recall"] == right.sum() / 40


def test_parts_without_rows_are_not_zero():
    train, test = blobs(), blobs((40, 40, 0), seed=1)
    predicted = np.where(test.y == 0, 1, test.y)  # class 0 is never right, class 1 always
    table = gaps(train, test, predicted, false_positives=True).set_index("class")
    assert math.isnan(table.loc[0, "gap_tp"])
    assert table.loc[0, "gap_fn"] == table.loc[0, "gap"]
    assert math.isnan(table.loc[1, "gap_fn"])
    assert math.isnan(table.loc[0, "gap_fp"])
    assert table.loc[2, ["gap", "matched", "null", "excess", "recall"]].isna().all()


def test_draws_of_a_class_do_not_depend_on_the_others():
    train, test = blobs(), blobs(seed=1)
    whole = gaps(train, test)
    alone = class_gaps(train, test, test.y, [2], 5, 0)
    assert alone.iloc[0].equals(whole.iloc[2])
    assert not class_gaps(train, test, test.y, [2], 5, 1)["null"].equals(alone["null"])


@pytest.mark.parametrize(
    "sampler",
    [RandomOverSampler(random_state=0)]
    + [ClassWise(s, random_state=0) for s in (SMOTE(), BorderlineSMOTE(), ADASYN())],
    ids=lambda s: type(getattr(s, "sampler", s)).__name__,
)
def test_interpolation_inside_a_class_leaves_the_gap_as_it_is(sampler):
    train, test = blobs(), blobs((40, 40, 40), seed=1)
    grown = Labelled(*sampler.fit_resample(*train))
    assert len(grown.y) == 3 * 60
    assert np.allclose(gaps(grown, test)["gap"], gaps(train, test)["gap"], rtol=1e-5)


def test_copies_of_training_rows_are_no_evidence_of_an_excess():
    train, test = blobs(), blobs((40, 40, 40), seed=1)
    copies = Labelled(*RandomOverSampler(random_state=0).fit_resample(*train))
    assert gaps(copies, test)["excess"][2] > 1.2 * gaps(train, test)["excess"][2]  # what being told of them prevents
    table = gaps(copies, test, synthetic=True)
    gauges = ["matched", "matched_sd", "null", "null_sd", "excess"]
    assert table[gauges].isna().all(axis=None)
    others = table.columns.drop(gauges)
    assert table[others].equals(gaps(copies, test)[others])
    means = mean_gaps(table, {"all": range(3)})
    assert means[["matched", "null", "excess"]].isna().all(axis=None)
    assert means["gap"].item() == pytest.approx(gaps(train, test)["gap"].mean())


def test_a_real_shift_widens_the_null_too():
    train, test = rng(10).normal(size=(8, 5)), rng(11).normal(size=(100, 5))
    assert null_gap(train, test + 5, 20, rng()).mean > 1.5 * null_gap(train, test, 20, rng()).mean


@pytest.mark.parametrize("variant", ["corrected", "official"])
def test_eos_never_widens_the_gap_and_leaves_the_largest_class(variant):
    train, test = blobs(), blobs((40, 40, 40), seed=1)
    grown = Labelled(*EOS(k=10, variant=variant, random_state=0).fit_resample(*train))
    before, after = gaps(train, test)["gap"], gaps(grown, test)["gap"]
    assert (after <= before + 1e-5).all()
    assert after[0] == before[0]
    assert (after[1:] < before[1:]).any()


def test_means_leave_out_what_is_not_defined():
    train, test = blobs(), blobs((40, 40, 0), seed=1)
    table = gaps(train, test)
    means = mean_gaps(table, {"all": [0, 1, 2], "few": [2], "none": []}).set_index("group")
    assert means.index.tolist() == ["all", "few"]
    assert means.loc["all", "gap"] == pytest.approx(table["gap"][:2].mean())
    assert means.loc["all", "bacc"] == 1
    assert math.isnan(means.loc["few", "gap"])


@pytest.mark.parametrize(("n_classes", "repetitions", "width"), [(3, 0, 5), (3, 2, 4)])
def test_impossible_requests_are_refused(n_classes, repetitions, width):
    with pytest.raises(InputError):
        class_gaps(blobs(), blobs(features=width), blobs().y, range(n_classes), repetitions, 0)


def test_embeddings_of_a_diverged_model_are_refused():
    train, test = blobs(), blobs(seed=1)
    test.z[-1, 0] = np.nan
    with pytest.raises(InputError, match="class 2"):
        gaps(train, test)
