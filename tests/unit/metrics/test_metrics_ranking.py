"""AUROC and average precision per class: pairs counted by hand, scikit-learn, ties, certainty, memory."""

import itertools
import tracemalloc

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from lightning_imb.metrics import ranking
from lightning_imb.utils.errors import InputError


def draw(seed: int, k: int = 5, n: int = 200, step: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Logits, rounded to multiples of a step so that probabilities tie, and every class at least once."""
    rng = np.random.default_rng(seed)
    targets = np.concatenate([np.arange(k), rng.integers(k, size=n - k)])
    logits = rng.normal(size=(n, k)) + np.eye(k)[targets]
    return (np.round(logits / step) * step if step else logits), targets


def softmax(logits: np.ndarray) -> np.ndarray:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def by_pairs(scores: np.ndarray, of_class: np.ndarray) -> tuple[float, float]:
    """Both numbers in the words of their definitions."""
    wins, pairs = 0.0, 0
    for i, j in itertools.product(np.flatnonzero(of_class), np.flatnonzero(~of_class)):
        wins += 1.0 if scores[i] > scores[j] else 0.5 if scores[i] == scores[j] else 0.0
        pairs += 1
    precisions = [of_class[scores >= scores[i]].mean() for i in np.flatnonzero(of_class)]
    return wins / pairs, sum(precisions) / len(precisions)


def test_a_worked_case() -> None:
    # of class 1: probabilities .9 .6 .4 .4 .1, the first, the third and the last are of the class
    p = np.array([0.9, 0.6, 0.4, 0.4, 0.1])
    found = ranking(np.log(np.stack([1 - p, p], axis=1)), [1, 0, 1, 0, 1])
    # pairs: .9 beats both, .4 ties with one and loses one, .1 loses both
    assert found.auroc[1] == pytest.approx(2.5 / 6, abs=1e-12)
    # precision: 1 of 1, 2 of 4 (the tie included), 3 of 5
    assert found.ap[1] == pytest.approx((1 + 2 / 4 + 3 / 5) / 3, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_pairs_counted_one_by_one(seed: int) -> None:
    logits, targets = draw(seed, k=4, n=60)
    found, p = ranking(logits, targets), softmax(logits)
    for c in range(4):
        np.testing.assert_allclose((found.auroc[c], found.ap[c]), by_pairs(p[:, c], targets == c), atol=1e-12)


@pytest.mark.parametrize("k", [2, 5])
@pytest.mark.parametrize("step", [0.0, 1.0])
def test_scikit_learn_agrees_with_and_without_ties(k: int, step: float) -> None:
    logits, targets = draw(0, k, 300, step)
    if step:  # rows of equal logits are the ties of probabilities that survive rounding
        logits, targets = np.concatenate([logits] * 2), np.concatenate([targets, targets[::-1]])
    found, p = ranking(logits, targets), np.round(softmax(logits), 12)
    for c in range(k):
        assert found.auroc[c] == pytest.approx(roc_auc_score(targets == c, p[:, c]), abs=1e-12)
        assert found.ap[c] == pytest.approx(average_precision_score(targets == c, p[:, c]), abs=1e-12)


def test_logits_that_say_nothing() -> None:
    targets = np.array([0, 0, 0, 1, 2, 2])
    found = ranking(np.zeros((6, 3)), targets)
    np.testing.assert_allclose(found.auroc, 0.5)
    np.testing.assert_allclose(found.ap, [3 / 6, 1 / 6, 2 / 6])


def test_right_and_wrong_orders() -> None:
    targets = np.repeat(np.arange(3), 4)
    right = ranking(np.eye(3)[targets], targets)
    np.testing.assert_allclose([right.auroc, right.ap], 1)
    np.testing.assert_allclose(ranking(-np.eye(3)[targets], targets).auroc, 0)


@pytest.mark.parametrize("size", [40.0, 400.0])
def test_probabilities_that_round_to_one_or_to_zero_still_rank(size: int) -> None:
    """Of class 0 with logits (size + i, 0): larger i, surer, though 1 - p is far below what float64 holds."""
    sure = np.stack([size + np.arange(8.0), np.zeros(8)], axis=1)
    targets = np.array([1, 1, 1, 1, 0, 0, 0, 0])
    assert softmax(sure)[:, 0].min() == 1.0
    found = ranking(sure, targets)
    np.testing.assert_array_equal([found.auroc, found.ap], 1)
    np.testing.assert_array_equal(ranking(-sure, targets).auroc, 0)


def test_one_half_is_no_step() -> None:
    """Two formulas meet at a probability of one half: order is kept on either side of it."""
    odds = np.linspace(-0.01, 0.01, 41)
    order = np.random.default_rng(0).permutation(41)
    logits = np.stack([odds, np.zeros(41)], axis=1)[order]
    found = ranking(logits, (odds[order] < 0).astype(int))
    np.testing.assert_array_equal(found.auroc, 1)


def test_what_is_added_to_all_logits_of_a_row_changes_nothing() -> None:
    logits, targets = draw(1)
    moved = logits + np.random.default_rng(2).normal(size=(len(logits), 1)) * 100
    np.testing.assert_allclose(ranking(moved, targets), ranking(logits, targets), atol=1e-12)


def test_classes_without_samples_have_no_value_and_no_part_in_the_means() -> None:
    logits, targets = draw(0, k=3)
    wider = np.concatenate([logits, np.full((len(logits), 1), -3.0)], axis=1)
    found, narrow = ranking(wider, targets), ranking(logits, targets)
    assert np.isnan([found.auroc[3], found.ap[3]]).all()
    assert found.per_class()["auroc"][3] is None
    assert found.means() == pytest.approx({"auroc": found.auroc[:3].mean(), "ap": found.ap[:3].mean()})
    assert narrow.means().keys() == {"auroc", "ap"}


@pytest.mark.parametrize("logits", [np.zeros((1, 3)), np.ones((4, 1))])
def test_where_every_sample_is_of_one_class_there_is_nothing_to_tell(logits: np.ndarray) -> None:
    found = ranking(logits, np.zeros(len(logits), dtype=int))
    assert np.isnan(found.auroc).all()
    assert found.means() == {}


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, targets = draw(3, k=7, n=50)
    whole = ranking(logits, targets)
    monkeypatch.setitem(ranking.__globals__, "_AT_ONCE", 100)  # two classes, and fourteen rows, at a time
    np.testing.assert_array_equal(ranking(logits, targets), whole)


def test_numbers_of_any_kind() -> None:
    logits, targets = draw(4)
    half = torch.from_numpy(logits).bfloat16()
    np.testing.assert_array_equal(ranking(half, torch.from_numpy(targets)), ranking(half.double(), targets))


def test_memory_stays_far_below_that_of_the_logits_in_double() -> None:
    n, k = 2000, 8000
    random = np.random.default_rng(0)
    logits, targets = random.random((n, k), dtype=np.float32), random.integers(k, size=n)
    tracemalloc.start()
    ranking(logits, targets)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n * k * 8 > 2 * peak  # 128 MB of doubles


@pytest.mark.parametrize(
    ("logits", "targets", "words"),
    [
        (np.zeros((3, 2)), [0, 1], r"shapes \(3, 2\) and \(2,\)"),
        (np.zeros(3), [0, 1, 0], "shapes"),
        (np.zeros((0, 2)), np.zeros(0, dtype=int), "N >= 1"),
        (np.zeros((2, 2)), [0, 2], r"run from 0 to 2; give classes in 0\.\.1"),
        (np.array([[0.0, np.nan], [0, 1]]), [0, 1], "NaN or infinite"),
        (np.array([[0.0, np.inf], [0, 1]]), [0, 1], "NaN or infinite"),
    ],
)
def test_unusable_input(logits: np.ndarray, targets: object, words: str) -> None:
    with pytest.raises(InputError, match=words), np.errstate(invalid="ignore"):
        ranking(logits, targets)
