"""Linear CKA against its formulas written out, and what it must not change with."""

import numpy as np
import pytest

from lightning_imb.analysis import cka as module
from lightning_imb.analysis.cka import cka_matrix, linear_cka

BOTH = pytest.mark.parametrize("debiased", [True, False])


def hsic1(k, l):  # noqa: E741
    """Song et al. 2012, equation 5, on Gram matrices as they are."""
    n, k, l, one = len(k), k.copy(), l.copy(), np.ones(len(k))  # noqa: E741
    np.fill_diagonal(k, 0)
    np.fill_diagonal(l, 0)
    grand = (one @ k @ one) * (one @ l @ one) / ((n - 1) * (n - 2))
    return (np.trace(k @ l) + grand - 2 / (n - 2) * (one @ k @ l @ one)) / (n * (n - 3))


def reference(x, y, debiased):
    if debiased:
        k, l = x @ x.T, y @ y.T  # noqa: E741
        return hsic1(k, l) / np.sqrt(hsic1(k, k) * hsic1(l, l))
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    return np.linalg.norm(y.T @ x) ** 2 / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))


def pair(n=30, p=6, q=9, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p)) + 2
    return x, x @ rng.normal(size=(p, q)) + rng.normal(size=(n, q))


@BOTH
@pytest.mark.parametrize(("n", "p", "q"), [(30, 6, 9), (8, 60, 40), (12, 3, 100), (4, 2, 2)])
def test_cka_is_its_formula(debiased, n, p, q):
    x, y = pair(n, p, q)
    assert linear_cka(x, y, debiased) == pytest.approx(reference(x, y, debiased), abs=1e-9)


@BOTH
def test_chunks_do_not_change_it(debiased, monkeypatch):
    pairs = [pair(), pair(8, 60, 40)]
    whole = [linear_cka(x, y, debiased) for x, y in pairs]
    monkeypatch.setattr(module, "AT_ONCE", 100)
    assert [linear_cka(x, y, debiased) for x, y in pairs] == pytest.approx(whole, abs=1e-12)


@BOTH
def test_what_cka_does_not_change_with(debiased):
    x, y = pair()
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))[0]
    value = linear_cka(x, y, debiased)
    assert linear_cka(x, x, debiased) == pytest.approx(1)
    assert linear_cka(y, x, debiased) == pytest.approx(value)
    for other in (x @ rotation, -3.5 * x, x + np.arange(6), x.astype(np.float32)):
        assert linear_cka(other, y, debiased) == pytest.approx(value, abs=1e-6)
    assert abs(linear_cka(x * np.array([100, 1, 1, 1, 1, 1]), y, debiased) - value) > 0.05


def test_the_plain_form_is_biased_and_the_other_is_not():
    rng = np.random.default_rng(0)
    draws = [(rng.normal(size=(60, 40)), rng.normal(size=(60, 40))) for _ in range(20)]
    assert np.mean([linear_cka(x, y, False) for x, y in draws]) == pytest.approx(0.40, abs=0.02)
    assert abs(np.mean([linear_cka(x, y, True) for x, y in draws])) < 0.02


@BOTH
def test_a_matrix_holds_every_pair(debiased):
    x, y = pair()
    found = cka_matrix([x, y], [y, x, x[:, :2]], debiased)
    assert found.shape == (2, 3)
    assert [found[0, 0], found[1, 1]] == pytest.approx([linear_cka(x, y, debiased)] * 2)
    assert found[1, 0] == pytest.approx(1)
    assert found[0, 2] == pytest.approx(reference(x, x[:, :2], debiased))


@BOTH
@pytest.mark.parametrize("constant", [0.0, 0.1, 1e4])
def test_constant_features_are_like_nothing(debiased, constant):
    x, _ = pair()
    assert np.isnan(linear_cka(x, np.full((30, 3), constant, dtype=np.float32), debiased))


def test_three_images_are_too_few_for_the_debiased_form():
    x, y = pair(3)
    assert np.isnan(linear_cka(x, y, True))
    assert linear_cka(x, y, False) == pytest.approx(reference(x, y, False))
