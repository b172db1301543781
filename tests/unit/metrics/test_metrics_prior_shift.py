"""Accuracy under other class frequencies: published counts, sub-samples, exact expectations."""

import numpy as np
import pytest

from lightning_imb.metrics import (
    draw_test_set,
    expected_top1,
    known_prior_shift,
    prior_shift,
    shifted_counts,
    shifted_prior,
)
from lightning_imb.metrics.prior_shift import SHIFTS
from lightning_imb.utils.errors import InputError

TRAIN_10 = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
TRAIN_100 = list(range(600, 500, -1))


def test_there_are_eleven_shifts_from_forward_to_backward() -> None:
    assert len(SHIFTS) == 11
    assert (SHIFTS[0], SHIFTS[4:7], SHIFTS[-1]) == (
        "forward_50",
        ("forward_2", "uniform", "backward_2"),
        "backward_50",
    )


def test_published_counts_of_ten_classes() -> None:
    def counts(shift: str) -> list[int]:
        return shifted_counts(shift, TRAIN_10, [1000] * 10).tolist()

    assert counts("forward_50") == [1000, 647, 419, 271, 175, 113, 73, 47, 30, 20]
    assert counts("forward_10") == [1000, 774, 599, 464, 359, 278, 215, 166, 129, 100]
    assert counts("backward_10") == counts("forward_10")[::-1]
    assert counts("uniform") == [1000] * 10
    assert [sum(counts(f"forward_{f}")) for f in (50, 25, 10, 5, 2)] == [2795, 3229, 4084, 5081, 7241]


def test_published_totals_of_a_hundred_classes() -> None:
    totals = [shifted_counts(f"backward_{f}", TRAIN_100, [100] * 100).sum() for f in (50, 25, 10, 5, 2)]
    assert totals == [2486, 2956, 3876, 4932, 7166]


def test_classes_are_ordered_by_their_training_counts() -> None:
    assert shifted_counts("forward_10", [5, 500, 50], [100] * 3).tolist() == [10, 100, 31]
    assert shifted_counts("backward_10", [5, 500, 50], [100] * 3).tolist() == [100, 10, 31]
    assert shifted_counts("forward_10", [7, 7, 7], [100] * 3).tolist() == [100, 31, 10]  # equal ones keep their order


def test_an_unbalanced_test_set_gives_what_its_smallest_class_can_match() -> None:
    assert shifted_counts("forward_10", [3, 2, 1], [40, 100, 70]).tolist() == [40, 12, 4]
    assert shifted_counts("uniform", [3, 2, 1], [40, 100, 70]).tolist() == [40] * 3


def test_classes_without_test_samples_are_left_out() -> None:
    assert shifted_counts("forward_10", [4, 3, 2, 1], [100, 0, 100, 100]).tolist() == [100, 0, 31, 10]
    prior = shifted_prior("backward_10", [4, 3, 2, 1], [9, 0, 2, 5])
    np.testing.assert_allclose(prior, np.array([0.1, 0, 10**-0.5, 1]) / (1.1 + 10**-0.5))
    recall = [0.5, np.nan, 0.5, 0.5]
    assert prior_shift(recall, [9, 0, 2, 5], [4, 3, 2, 1]) == pytest.approx(dict.fromkeys(SHIFTS, 0.5))


@pytest.mark.parametrize("shift", SHIFTS)
def test_priors_are_those_of_the_counts_up_to_rounding(shift: str) -> None:
    prior = shifted_prior(shift, TRAIN_10, [1000] * 10)
    counts = shifted_counts(shift, TRAIN_10, [1000] * 10)
    assert prior.sum() == pytest.approx(1)
    np.testing.assert_allclose(counts / counts.sum(), prior, atol=1e-3)


def test_the_expectation_is_the_plain_sum() -> None:
    recall = np.random.default_rng(0).random(10)
    found = prior_shift(recall, [1000] * 10, TRAIN_10)
    assert list(found) == list(SHIFTS)
    for name, reverse, factor in (("forward_25", False, 25), ("backward_5", True, 5), ("uniform", False, 1)):
        shares = [factor ** (-c / 9) for c in range(10)]
        shares = shares[::-1] if reverse else shares
        assert found[name] == pytest.approx(sum(w * r for w, r in zip(shares, recall, strict=True)) / sum(shares))
    assert found["uniform"] == pytest.approx(recall.mean())


def test_sub_samples_have_the_counts_and_on_average_the_expected_accuracy() -> None:
    rng = np.random.default_rng(0)
    targets = rng.permutation(np.repeat(np.arange(4), 60))
    right = rng.random(240) < np.array([0.9, 0.7, 0.4, 0.2])[targets]
    train = [400, 100, 30, 4]
    recall = [right[targets == c].mean() for c in range(4)]
    counts = shifted_counts("forward_10", train, [60] * 4)
    tops = []
    for seed in range(400):
        rows = draw_test_set("forward_10", targets, train, seed)
        assert np.bincount(targets[rows]).tolist() == counts.tolist()
        tops.append(right[rows].mean())
    error = np.std(tops, ddof=1) / len(tops) ** 0.5
    assert abs(np.mean(tops) - expected_top1(recall, counts)) < 3 * error


def test_a_sub_sample_is_a_function_of_the_seed_without_repetition() -> None:
    targets = np.repeat(np.arange(3), 50)
    first, again, other = (draw_test_set("backward_5", targets, [9, 5, 1], seed) for seed in (1, 1, 2))
    assert first.tolist() == again.tolist() != other.tolist()
    assert (np.diff(first) > 0).all()
    wider = draw_test_set("uniform", targets, [9, 5, 1], 1)
    assert set(first) <= set(wider)  # less of a class is the beginning of more of it


@pytest.mark.parametrize("trained", [None, [400, 100, 30, 4]])
def test_a_known_prior_is_added_to_the_logits(trained: list[int] | None) -> None:
    rng = np.random.default_rng(3)
    targets, train = np.repeat(np.arange(4), [20, 30, 25, 10]), [400, 100, 30, 4]
    logits = rng.normal(size=(85, 4)).astype(np.float32) + 1.5 * np.eye(4, dtype=np.float32)[targets]
    found = known_prior_shift(logits, targets, train, trained)
    for shift in SHIFTS:
        prior = shifted_prior(shift, train, [20, 30, 25, 10])
        hits = [0.0] * 4
        for z, y in zip(logits, targets, strict=True):
            told = [z[c] + np.log(prior[c]) - (np.log(trained[c]) if trained else 0) for c in range(4)]
            hits[y] += int(np.argmax(told)) == y
        wanted = sum(prior[c] * hits[c] / n for c, n in enumerate((20, 30, 25, 10)))
        assert found[shift] == pytest.approx(wanted)


def test_logits_of_many_classes_are_looked_at_in_parts() -> None:
    rng, k = np.random.default_rng(0), 1500
    targets, train = rng.permutation(np.repeat(np.arange(k), 2)), list(range(2 * k, k, -1))
    logits = rng.normal(size=(2 * k, k)).astype(np.float32) + 4 * np.eye(k, dtype=np.float32)[targets]
    found = known_prior_shift(logits, targets, train, train)
    for shift in ("forward_50", "backward_5"):
        prior = shifted_prior(shift, train, np.full(k, 2))
        right = (logits + np.log(prior / train).astype(np.float32)).argmax(axis=1) == targets
        assert found[shift] == pytest.approx(np.average(right, weights=prior[targets]), abs=1e-9)


def test_a_known_uniform_prior_changes_nothing() -> None:
    rng = np.random.default_rng(1)
    logits, targets = rng.normal(size=(60, 3)), np.repeat(np.arange(3), 20)
    recall = [(logits[targets == c].argmax(1) == c).mean() for c in range(3)]
    told = known_prior_shift(logits, targets, [9, 5, 1])
    assert told["uniform"] == pytest.approx(prior_shift(recall, [20] * 3, [9, 5, 1])["uniform"])


def test_a_class_that_cannot_occur_is_not_predicted_where_the_prior_is_known() -> None:
    logits, targets = np.array([[0.0, 5.0, 1.0], [2.0, 9.0, 0.0]]), np.array([2, 0])
    assert known_prior_shift(logits, targets, [3, 2, 1])["uniform"] == 1


def test_two_classes_and_one_present_class() -> None:
    assert shifted_counts("forward_50", [9, 1], [100, 100]).tolist() == [100, 2]
    assert prior_shift([0.25, np.nan], [8, 0], [9, 1]) == pytest.approx(dict.fromkeys(SHIFTS, 0.25))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: shifted_prior("forward_3", [2, 1], [5, 5]), "forward_3"),
        (lambda: shifted_prior("uniform", [2, 1], [5, 5, 5]), r"\(3,\)"),
        (lambda: prior_shift([0.1, 0.1], [0, 0], [2, 1]), "at least one"),
        (lambda: known_prior_shift(np.zeros((4, 3)), [0, 1, 0, 1], [2, 1]), r"\(4, 3\), \(4,\) and \(2,\)"),
    ],
)
def test_bad_input_is_refused(call, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=words):
        call()
