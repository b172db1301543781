import logging

import numpy as np
import pytest
from imblearn.over_sampling import ADASYN, SMOTE, SVMSMOTE, BorderlineSMOTE, RandomOverSampler
from scipy import sparse

from lightning_imb.resampling import ClassWise, NoResampling
from lightning_imb.utils.errors import InputError

SAMPLERS = [
    RandomOverSampler(),
    SMOTE(),
    BorderlineSMOTE(),
    BorderlineSMOTE(kind="borderline-2"),
    SVMSMOTE(),
    ADASYN(),
]
BY_NAME = [repr(sampler) for sampler in SAMPLERS]


def blobs(counts, shift=1.0, seed=0, dtype=np.float64):
    """Gaussian classes in shuffled order, ``shift`` apart along every feature."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    return (shift * y[:, None] + rng.normal(size=(len(y), 4))).astype(dtype), y


def new_rows(X, result, labels, label):
    return result[len(X) :][labels[len(X) :] == label]


def lies_between_own_rows(row, own):
    """Tell whether ``row`` is on a segment between two of ``own``."""
    for start in own:
        steps, offset = own - start, row - start
        lengths = (steps**2).sum(axis=1)
        r = np.divide(steps @ offset, lengths, out=np.zeros(len(own)), where=lengths > 0)
        distance = np.abs(offset - r[:, None] * steps).max(axis=1)
        if ((distance < 1e-9) & (r >= -1e-9) & (r <= 1 + 1e-9)).any():
            return True
    return False


@pytest.mark.parametrize("sampler", SAMPLERS, ids=BY_NAME)
@pytest.mark.parametrize("shift", [0.5, 2.0, 1000.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_target_is_reached_exactly(sampler, shift, dtype):
    """Also for classes of 1 and 2 rows, and for classes without any enemy nearby."""
    X, y = blobs([40, 1, 2, 15, 25], shift, dtype=dtype)
    before = X.copy()
    model = ClassWise(sampler, random_state=0)
    result, labels = model.fit_resample(X, y)
    assert result[: len(X)].tobytes() == X.tobytes() == before.tobytes()
    np.testing.assert_array_equal(labels, np.r_[y, np.repeat([1, 2, 3, 4], [39, 38, 25, 15])])
    assert result.dtype == dtype
    assert np.isfinite(result).all()
    for report in model.report_:
        assert report["sampler"] + report["smote"] + report["random"] == report["generated"]
        assert (report["fallback"] is None) == (report["sampler"] == report["generated"])
    assert result.tobytes() == ClassWise(sampler, random_state=0).fit_resample(X, y)[0].tobytes()
    assert result.tobytes() != ClassWise(sampler, random_state=1).fit_resample(X, y)[0].tobytes()


def test_smote_lowers_its_neighbours_to_the_class():
    X, y = blobs([30, 3, 12])
    model = ClassWise(SMOTE(k_neighbors=5), random_state=0)
    result, labels = model.fit_resample(X, y)
    assert [r["k"] for r in model.report_] == [5, 2, 5]
    assert [r["fallback"] for r in model.report_] == [None, None, None]
    for label in (1, 2):
        rows = new_rows(X, result, labels, label)
        assert all(lies_between_own_rows(row, X[y == label]) for row in rows)
        assert not any((row == X).all(axis=1).any() for row in rows)


def test_neighbours_among_all_rows_are_lowered_to_the_rows():
    """5 of the 7 other rows are enemies of each row of class 1: near the border, so rows are made."""
    X, y = np.random.default_rng(0).normal(size=(8, 2)), np.r_[np.zeros(5, int), np.ones(3, int)]
    model = ClassWise(BorderlineSMOTE(m_neighbors=10), random_state=0)
    model.fit_resample(X, y)
    assert model.report_[1]["sampler"] == 2


def test_a_single_row_is_copied():
    X, y = blobs([10, 1])
    model = ClassWise(SMOTE(), random_state=0)
    result, labels = model.fit_resample(X, y)
    np.testing.assert_array_equal(new_rows(X, result, labels, 1), X[y == 1].repeat(9, axis=0))
    assert model.report_[1]["fallback"] == "random"
    assert "single row" in model.report_[1]["reason"]


@pytest.mark.parametrize("sampler", [BorderlineSMOTE(), SVMSMOTE(), ADASYN()], ids=repr)
def test_fallback_to_smote_is_recorded_and_logged(sampler, caplog):
    X, y = blobs([40, 12], shift=1000)
    if isinstance(sampler, SVMSMOTE):  # every support vector of class 1 is noise: rows alone among enemies
        X = np.random.default_rng(0).normal(size=X.shape)
        X[y == 1] = 1e-6 * X[y == 1] + X[y == 0][:12]
        sampler = SVMSMOTE(m_neighbors=1)
    model = ClassWise(sampler, random_state=0)
    result, labels = model.fit_resample(X, y)
    report = model.report_[1]
    assert report["sampler"] == 0
    assert report["smote"] == 28
    assert report["fallback"] == "smote"
    assert report["reason"]
    assert all(lies_between_own_rows(row, X[y == 1]) for row in new_rows(X, result, labels, 1))
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "label 1" in warnings[0]


def test_surplus_rows_are_dropped_and_reported():
    """ADASYN rounds the number of rows per base; here it makes more rows in total than are wanted."""
    X, y = np.random.default_rng(0).normal(size=(81, 3)), np.repeat([0, 1], [61, 20])
    alone = ADASYN(random_state=0).fit_resample(X, y)[1]
    model = ClassWise(ADASYN(), random_state=0)
    result, labels = model.fit_resample(X, y)
    assert (alone == 1).sum() > 61
    assert model.report_[1]["dropped"] == (alone == 1).sum() - 61
    assert model.report_[1]["sampler"] == 41
    np.testing.assert_array_equal(np.bincount(labels), [61, 61])
    assert len(result) == 122


def test_missing_rows_are_topped_up():
    X, y = np.random.default_rng(3).normal(size=(91, 3)), np.repeat([0, 1], [61, 30])
    short = 61 - (ADASYN(random_state=0).fit_resample(X, y)[1] == 1).sum()
    model = ClassWise(ADASYN(), random_state=0)
    result, labels = model.fit_resample(X, y)
    assert short > 0
    assert (model.report_[1]["sampler"], model.report_[1]["smote"]) == (31 - short, short)
    assert model.report_[1]["reason"] == f"{short} of 31 rows were not delivered"
    assert all(lies_between_own_rows(row, X[y == 1]) for row in new_rows(X, result, labels, 1))
    np.testing.assert_array_equal(np.bincount(labels), [61, 61])


def test_the_inner_sampler_stays_as_it_was():
    inner = SMOTE(k_neighbors=5)
    ClassWise(inner, random_state=0).fit_resample(*blobs([20, 3]))
    assert inner.get_params() == SMOTE(k_neighbors=5).get_params()
    assert not hasattr(inner, "sampling_strategy_")


def test_a_wrong_inner_parameter_is_not_hidden_by_a_fallback():
    with pytest.raises(ValueError, match="k_neighbors"):
        ClassWise(SMOTE(k_neighbors="five")).fit_resample(*blobs([20, 3]))
    with pytest.raises(ValueError, match="kind"):
        ClassWise(BorderlineSMOTE(kind="3")).fit_resample(*blobs([20, 3]))


def test_a_change_in_one_class_leaves_the_rows_of_the_others():
    X, y = blobs([30, 12, 8])
    moved = X.copy()
    moved[y == 2] += 50
    for sampler in (SMOTE(), RandomOverSampler()):
        results = [ClassWise(sampler, random_state=0).fit_resample(data, y) for data in (X, moved)]
        one, other = (new_rows(X, *result, 1).tobytes() for result in results)
        assert one == other


def test_targets_and_sparse_input():
    X, y = blobs([30, 12, 4])
    X = np.maximum(X, 0)
    _, labels = ClassWise(SMOTE(), sampling_strategy={2: 9}, random_state=0).fit_resample(X, y)
    np.testing.assert_array_equal(np.bincount(labels), [30, 12, 9])
    dense, _ = ClassWise(SMOTE(), random_state=0).fit_resample(X, y)
    result, _ = ClassWise(SMOTE(), random_state=0).fit_resample(sparse.csc_matrix(X), y)
    assert result.format == "csc"
    np.testing.assert_allclose(result.toarray(), dense)


def test_one_class_only_is_a_clear_error():
    with pytest.raises(InputError, match="at least two classes"):
        ClassWise(SMOTE()).fit_resample(np.zeros((5, 2)), np.ones(5, int))


def test_no_resampling_returns_copies():
    X, y = blobs([10, 3], dtype=np.float32)
    result, labels = NoResampling(random_state=0).fit_resample(X, y)
    np.testing.assert_array_equal(result, X)
    np.testing.assert_array_equal(labels, y)
    assert result.dtype == np.float32
    assert not np.shares_memory(result, X)


def test_classes_do_not_share_their_draws():
    X, y = np.arange(60.0)[:, None], np.repeat([0, 1, 2], [40, 10, 10])
    result, labels = ClassWise(RandomOverSampler(), random_state=0).fit_resample(X, y)
    assert not np.array_equal(new_rows(X, result, labels, 1), new_rows(X, result, labels, 2) - 10)
