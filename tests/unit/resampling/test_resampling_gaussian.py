import logging

import numpy as np
import pytest

from lightning_imb.resampling import Gaussian


def blobs(counts, features=3, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    X = np.empty((len(y), features))
    for label, n in enumerate(counts):
        X[y == label] = 3 * label + rng.normal(size=(n, features)) @ rng.normal(size=(features, features))
    return X.astype(dtype), y


def drawn(X, y, label, **options):
    result, labels = Gaussian(random_state=0, **options).fit_resample(X, y)
    return result[len(X) :][labels[len(X) :] == label].astype(np.float64)


def reference(rows, diagonal, shrinkage):
    covariance = np.zeros((rows.shape[1],) * 2)
    mean = sum(rows) / len(rows)
    for row in rows:
        covariance += np.outer(row - mean, row - mean) / (len(rows) - 1)
    if diagonal:
        covariance = np.diag(np.diag(covariance))
    return mean, (1 - shrinkage) * covariance + shrinkage * np.trace(covariance) / len(covariance) * np.eye(len(mean))


@pytest.mark.parametrize("shrinkage", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("covariance", ["full", "diagonal"])
@pytest.mark.parametrize("n", [3, 40])  # n = D: the covariance has rank 2
def test_rows_have_the_mean_and_covariance_of_their_class(n, covariance, shrinkage):
    X, y = blobs([n, 8])
    rows = drawn(X, y, 0, covariance=covariance, shrinkage=shrinkage, sampling_strategy={0: 40_000, 1: 8})
    mean, wanted = reference(X[y == 0], covariance == "diagonal", shrinkage)
    scale = np.trace(wanted)
    np.testing.assert_allclose(rows.mean(axis=0), mean, atol=5 * np.sqrt(scale / len(rows)))
    np.testing.assert_allclose(np.cov(rows, rowvar=False), wanted, atol=8 * scale / np.sqrt(len(rows)))


def test_rows_are_normal():
    """Third and fourth standardised moments of a Gaussian are 0 and 3."""
    X, y = blobs([20, 8])
    rows = drawn(X, y, 0, sampling_strategy={0: 40_000, 1: 8})
    unit = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    np.testing.assert_allclose((unit**3).mean(axis=0), 0, atol=0.06)
    np.testing.assert_allclose((unit**4).mean(axis=0), 3, atol=0.12)


def test_a_small_class_stays_in_the_span_of_its_rows_unless_shrunk():
    X, y = blobs([30, 2], features=4)
    one, other = X[y == 1]
    step = (other - one) / np.linalg.norm(other - one)

    def off_the_line(rows):
        offset = rows - one
        return np.abs(offset - np.outer(offset @ step, step)).max()

    assert off_the_line(drawn(X, y, 1)) < 1e-9
    assert off_the_line(drawn(X, y, 1, shrinkage=0.1)) > 0.1


def test_a_single_row_takes_the_mean_covariance_of_the_others(caplog):
    X, y = blobs([30, 1, 9])
    sampler = Gaussian(random_state=0, sampling_strategy={0: 30, 1: 40_000, 2: 9})
    with caplog.at_level(logging.WARNING):
        result, labels = sampler.fit_resample(X, y)
    rows = result[len(X) :]
    assert (labels[len(X) :] == 1).all()
    wanted = np.mean([np.cov(X[y == label], rowvar=False) for label in (0, 2)], axis=0)
    np.testing.assert_allclose(rows.mean(axis=0), X[y == 1][0], atol=0.05)
    np.testing.assert_allclose(np.cov(rows, rowvar=False), wanted, atol=0.15)
    assert [entry["fallback"] for entry in sampler.report_] == [None, "mean covariance of the other classes", None]
    assert "label 1" in caplog.text


def test_single_rows_only_are_copied():
    X, y = np.array([[1.0, 2], [3, 4]]), np.array([0, 1])
    result, _ = Gaussian(sampling_strategy={0: 3, 1: 2}).fit_resample(X, y)
    np.testing.assert_array_equal(result[2:], [[1, 2], [1, 2], [3, 4]])


def test_classes_do_not_share_their_draws_and_do_not_disturb_each_other():
    X, y = blobs([40, 12, 12])
    X[y == 2] = X[y == 1]
    result, labels = Gaussian(random_state=0).fit_resample(X, y)
    new, classes = result[len(X) :], labels[len(X) :]
    assert not np.isclose(new[classes == 1], new[classes == 2]).any()
    X[y == 2] += 5
    again = Gaussian(random_state=0).fit_resample(X, y)[0][len(X) :]
    assert again[classes == 1].tobytes() == new[classes == 1].tobytes()


@pytest.mark.parametrize("wrong", [{"covariance": "spherical"}, {"shrinkage": 1.1}, {"shrinkage": -0.1}])
def test_wrong_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Gaussian(**wrong).fit_resample(*blobs([5, 3]))
