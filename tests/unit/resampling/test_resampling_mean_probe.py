import numpy as np
import pytest

from lightning_imb.resampling import mean_probe
from lightning_imb.resampling.mean_probe import MeanProbe


def table(counts, seed=0, spread=1.0):
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    centres = 2 * rng.normal(size=(len(counts), 4))
    return centres[y] + spread * rng.normal(size=(len(y), 4)), y


def probe(X, y):
    return MeanProbe(X, [np.flatnonzero(y == label) for label in np.unique(y)])


def logits(X, y, x):
    """z_c = w_c·(x - centre) + b_c of the Gaussian classes, with loops; equal priors."""
    means = np.array([X[y == label].mean(axis=0) for label in np.unique(y)])
    squares = sum(((row - means[label]) ** 2).sum() for row, label in zip(X, y, strict=True))
    variance = squares / X.shape[1] / (len(X) - len(means))
    return variance, np.array([-((x - mean) ** 2).sum() / (2 * variance) for mean in means])


def test_pooled_variance():
    X, y = table([20, 9, 1, 5])
    assert probe(X, y).variance == pytest.approx(logits(X, y, X[0])[0])


def test_activation_is_the_share_of_the_largest_contribution():
    X, y = table([20, 9, 5])
    found = probe(X, y)
    means = np.array([X[y == label].mean(axis=0) for label in range(3)])
    shares = found.activation(X, y)
    for row, label, share in zip(X, y, shares, strict=True):
        adds = [max(0.0, (means[label][d] - means[:, d].mean()) * row[d]) for d in range(4)]
        np.testing.assert_allclose(share, np.array(adds) / max(max(adds), 1e-300))


def test_contributions_sum_to_the_logit_up_to_what_no_row_changes():
    """Σ_d w_cd·x_d differs from the log posterior by a class constant and a row constant only."""
    X, y = table([20, 9, 5])
    found = probe(X, y)
    weights = (found.means - found.means.mean(axis=0)) / found.variance
    linear = X @ weights.T
    exact = np.array([logits(X, y, x)[1] for x in X])
    gap = linear - exact
    gap -= gap.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(gap, np.tile(gap[0], (len(X), 1)), atol=1e-9)


@pytest.mark.parametrize("block", [1024, 3])
def test_most_confused_sorts_by_mean_probability(block, monkeypatch):
    monkeypatch.setattr(mean_probe, "_BLOCK", block)
    X, y = table([20, 9, 5, 8, 3])
    found = probe(X, y)
    for label in range(5):
        scores = np.zeros(5)
        for x in X[y == label]:
            z = logits(X, y, x)[1]
            scores += np.exp(z - z.max()) / np.exp(z - z.max()).sum()
        others = np.array([c for c in range(5) if c != label])
        wanted = sorted(others, key=lambda c: -scores[c])
        assert found.most_confused(label, others).tolist() == wanted


def test_far_and_flat_classes_are_sorted_by_distance():
    """Probabilities far below the smallest number, and classes without any spread."""
    y = np.repeat(np.arange(4), 3)
    places = np.array([0.0, 900, 300, 600])[y][:, None]
    for X in (places, places + 1e-3 * np.random.default_rng(0).normal(size=places.shape)):
        found = probe(np.column_stack([X, X]), y)
        assert np.isfinite(found.means).all()
        assert found.most_confused(0, np.array([1, 2, 3])).tolist() == [2, 3, 1]


def test_a_row_without_positive_contributions_has_none():
    found = probe(np.array([[-1.0, -1], [1, 1]]), np.array([0, 1]))
    np.testing.assert_array_equal(found.activation(np.array([[1.0, 2], [0, 0]]), np.array([0, 1])), np.zeros((2, 2)))
