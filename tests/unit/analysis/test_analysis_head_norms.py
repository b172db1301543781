"""Weight norms of a head, and rank correlations between numbers of classes."""

import math

import numpy as np
import pytest

from lightning_imb.analysis.head_norms import head_norms
from lightning_imb.analysis.rank_correlation import rank_correlation
from lightning_imb.utils.errors import InputError

COUNTS = (5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50)
# measured from the weight files released with arXiv 2207.06080, CIFAR-10 with ratio 100
PHASE_1 = (3.61, 3.55, 3.27, 2.86, 3.03, 2.73, 2.46, 2.57, 2.31, 2.18)
AFTER_EOS = (2.93, 2.76, 2.74, 2.90, 2.83, 2.76, 3.10, 3.01, 2.64, 2.58)


def spearman(first, second):
    """For numbers without ties: 1 - 6 sum d^2 / (n (n^2 - 1))."""
    a, b = (np.argsort(np.argsort(values)) for values in (first, second))
    n = len(a)
    return 1 - 6 * ((a - b) ** 2).sum() / (n * (n**2 - 1))


def test_norm_of_each_class():
    found = head_norms(np.array([[3.0, 4.0], [0.0, 2.0], [1.0, 0.0]], dtype=np.float32), [9, 5, 1])
    assert found.norms.tolist() == [5, 2, 1]
    assert found.spread == 5
    assert found.rank_correlation == 1


def test_norms_follow_the_class_size_before_and_not_after_eos():
    before, after = (head_norms(np.diag(norms), COUNTS) for norms in (PHASE_1, AFTER_EOS))
    assert before.rank_correlation == pytest.approx(spearman(PHASE_1, COUNTS))
    assert before.rank_correlation > 0.9
    assert abs(after.rank_correlation) < 0.3
    assert before.spread == pytest.approx(3.61 / 2.18)
    assert after.spread < before.spread


def test_equal_norms_have_no_order_even_where_rounding_differs():
    weight = np.random.default_rng(0).normal(size=(6, 16)).astype(np.float32)
    weight /= np.linalg.norm(weight, axis=1, keepdims=True)
    found = head_norms(weight, range(6))
    assert found.spread == pytest.approx(1)
    assert math.isnan(found.rank_correlation)


def test_a_class_without_weight_has_no_spread():
    assert math.isnan(head_norms(np.array([[1.0], [0.0], [2.0]]), [3, 2, 1]).spread)


def test_counts_of_other_classes_are_refused():
    with pytest.raises(InputError, match="2 entries for 3"):
        head_norms(np.ones((3, 2)), [1, 2])


def test_correlation_leaves_out_what_is_not_defined():
    assert rank_correlation([1, 2, np.nan, 3], [10, 20, 0, 30]) == 1
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == -1


@pytest.mark.parametrize("values", [[1, 2, np.nan], [1, 1, 1]])
def test_correlation_of_too_little_is_not_defined(values):
    assert math.isnan(rank_correlation(values, [1, 2, 3]))
