import numpy as np
import pytest

from lightning_imb.resampling import TailCalib
from lightning_imb.resampling.tail_calib import untransformed
from lightning_imb.utils.errors import InputError


def blobs(counts, features=3, seed=0, dtype=np.float64):
    """Non-negative overlapping classes with covariances of their own."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    X = np.empty((len(y), features))
    for label, n in enumerate(counts):
        X[y == label] = np.abs(1 + label + rng.normal(size=(n, features)) @ rng.normal(size=(features, features)))
    return X.astype(dtype), y


def flat(counts, places, seed=0):
    """Classes without spread but for one: with alpha = ridge = 0, what is drawn is a mean exactly."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    return np.asarray(places, float)[y], y


def calibrated(X, y, x, k, alpha, ridge, inverse=lambda rows: rows):
    """Equations 7 and 8 for one row x, with loops; a class of one row has the mean covariance of the others."""
    means, covariances = {}, {}
    for label in np.unique(y):
        rows = inverse(X[y == label])
        means[label] = rows.mean(axis=0)
        if len(rows) > 1:
            covariances[label] = sum(np.outer(r - means[label], r - means[label]) for r in rows) / (len(rows) - 1)
    others = sum(covariances.values()) / len(covariances)
    nearest = sorted(means, key=lambda label: np.linalg.norm(x - means[label]))[:k]
    mean = (x + sum(means[label] for label in nearest)) / (k + 1)
    covariance = sum(covariances.get(label, others) for label in nearest) / k
    return mean, covariance + alpha + ridge * np.eye(len(x)), nearest


@pytest.mark.parametrize("statistics", ["transformed", "untransformed"])
@pytest.mark.parametrize(("k", "alpha", "ridge"), [(1, 0.0, 1e-4), (2, 0.5, 0.0), (3, 0.0, 0.3)])
def test_rows_around_one_row_have_the_calibrated_mean_and_covariance(k, alpha, ridge, statistics):
    X, y = blobs([40, 15, 1])
    options = {"k": k, "alpha": alpha, "ridge": ridge, "statistics": statistics, "tukey": 0.5}
    sampler = TailCalib(random_state=0, sampling_strategy={0: 40, 1: 15, 2: 40_001}, **options)
    rows = sampler.fit_resample(X, y)[0][len(X) :]
    inverse = (lambda rows: rows**2) if statistics == "untransformed" else (lambda rows: rows)
    mean, covariance, nearest = calibrated(X, y, X[y == 2][0], k, alpha, ridge, inverse)
    scale = np.trace(covariance)
    np.testing.assert_allclose(rows.mean(axis=0), mean, atol=5 * np.sqrt(scale / len(rows)))
    np.testing.assert_allclose(np.cov(rows, rowvar=False), covariance, atol=8 * scale / np.sqrt(len(rows)))
    assert sampler.report_[2]["helpers"] == sorted(nearest)


def test_each_row_gets_its_share_of_rows_around_its_own_mean():
    """The rows 0 and 4 of class 2 lie nearest to flat classes at 1 and 4.5: no noise, 5 rows, at least 2 from each."""
    X = np.array([1.0] * 7 + [4.5] * 7 + [0, 4])[:, None]
    y = np.repeat([0, 1, 2], [7, 7, 2])
    seen = set()
    for seed in range(20):
        sampler = TailCalib(ridge=0, random_state=seed)
        new = sampler.fit_resample(X, y)[0][16:, 0]
        low, high = np.isclose(new, 0.5).sum(), np.isclose(new, 4.25).sum()
        assert low + high == 5
        seen.add((low, high))
        assert sampler.report_[2]["helpers"] == [0, 1]
    assert seen == {(2, 3), (3, 2)}


def test_means_exactly():
    """Classes of equal rows have no spread, so with alpha = ridge = 0 all draws are (x + means) / (k + 1)."""
    X, y = flat([7, 3, 2], [[9.0, 0], [0, 4], [0, 6]])
    for k, wanted in ((1, {1: [0, 4], 2: [0, 6]}), (2, {1: [0, 14 / 3], 2: [0, 16 / 3]}), (9, None)):
        result, labels = TailCalib(k=k, alpha=0, ridge=0, random_state=0).fit_resample(X, y)
        np.testing.assert_array_equal(np.bincount(labels), [7, 7, 7])
        for label in (1, 2):
            mean = (X[y == label][0] + [9, 10]) / 4 if wanted is None else wanted[label]
            np.testing.assert_allclose(result[len(X) :][labels[len(X) :] == label], np.tile(mean, (4 + label - 1, 1)))


def test_single_rows_without_any_spread_are_copied():
    X, y = flat([15, 1, 1], [[0.0, 0], [100, 0], [0, 100]])
    result, _ = TailCalib(ridge=0, random_state=0).fit_resample(X, y)
    np.testing.assert_allclose(result[17:], np.repeat([[100, 0], [0, 100]], 14, axis=0))


@pytest.mark.parametrize("tukey", [0, 0.5, 0.9, 1, 2])
def test_the_transform_is_inverted(tukey):
    rows = np.random.default_rng(0).random((20, 3))
    transformed = np.log(rows + 1e-6) if tukey == 0 else rows**tukey
    np.testing.assert_allclose(untransformed(transformed, tukey), rows, atol=1e-9)


def test_statistics_agree_where_nothing_was_transformed():
    X, y = blobs([30, 10])
    one, other = (
        TailCalib(statistics=s, tukey=1, random_state=0).fit_resample(X, y)[0] for s in ("transformed", "untransformed")
    )
    assert one.tobytes() == other.tobytes()


def test_negative_rows_cannot_be_untransformed():
    X, y = blobs([30, 10])
    with pytest.raises(InputError, match=r"the smallest is -0\.25; use"):
        TailCalib(statistics="untransformed").fit_resample(np.r_[X, [[-0.25, 1, 1]]], np.r_[y, 0])
    TailCalib(statistics="untransformed", tukey=0).fit_resample(np.r_[X, [[-0.25, 1, 1]]], np.r_[y, 0])


def test_borrowed_covariances_are_reported_where_they_are_used():
    X, y = flat([9, 1, 4], [[0.0, 9], [50, 0], [0, 0]])
    sampler = TailCalib(random_state=0)
    sampler.fit_resample(X, y)
    assert [entry["helpers"] for entry in sampler.report_] == [None, [1], [2]]
    assert [bool(entry["fallback"]) for entry in sampler.report_] == [False, True, False]


def test_float32_draws_match_float64():
    X, y = blobs([30, 10], dtype=np.float32)
    single = TailCalib(random_state=0).fit_resample(X, y)[0]
    double = TailCalib(random_state=0).fit_resample(X.astype(np.float64), y)[0]
    np.testing.assert_allclose(single, double, rtol=1e-5)


@pytest.mark.parametrize("wrong", [{"k": 0}, {"alpha": -1}, {"ridge": -1}, {"statistics": "both"}, {"tukey": -0.1}])
def test_wrong_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TailCalib(**wrong).fit_resample(*blobs([5, 3]))
