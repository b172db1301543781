"""Scores against hand-worked cases, scikit-learn and imbalanced-learn."""

import math

import numpy as np
import pytest
import torch
from imblearn.metrics import geometric_mean_score
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    precision_score,
    recall_score,
)
from torchmetrics.classification import MulticlassConfusionMatrix

from lightning_imb.metrics import class_groups, class_rates, per_class, scores
from lightning_imb.utils.errors import InputError

TRUE = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
PREDICTED = [0, 0, 0, 1, 1, 1, 0, 0, 2, 0, 0, 1]
WORKED = confusion_matrix(TRUE, PREDICTED)
COUNTS = [500, 50, 5]


def draw(seed: int, k: int = 7, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    true = rng.choice(k, n, p=np.arange(1, k + 1) / sum(range(1, k + 1)))
    predicted = np.where(rng.random(n) < 0.55, true, rng.integers(k, size=n))
    return true, predicted


def test_worked_case() -> None:
    rates = class_rates(WORKED)
    np.testing.assert_allclose(rates.recall, [0.75, 0.5, 0.25])
    np.testing.assert_allclose(rates.specificity, [0.5, 0.75, 1])
    np.testing.assert_allclose(rates.f1, [0.545455, 0.5, 0.4], atol=1e-6)
    values = scores(WORKED, COUNTS)
    expected = {"top1": 0.5, "bacc": 0.5, "gmean": 0.454280, "gmean_macro": 0.612372, "macro_f1": 0.481818}
    expected |= {"many": 0.75, "medium": 0.5, "few": 0.25}
    assert list(values) == list(expected)
    assert values == pytest.approx(expected, abs=1e-6)
    assert all(type(value) is float for value in values.values())


def test_worked_case_with_a_zero_recall() -> None:
    matrix = confusion_matrix([0, 1, 2, 0, 1, 2], [0, 2, 1, 0, 0, 1])
    assert scores(matrix, COUNTS)["gmean"] == 0
    assert scores(matrix, COUNTS, correction=0.001)["gmean"] == pytest.approx(0.010, abs=1e-6)
    assert scores(matrix, COUNTS)["gmean_macro"] == pytest.approx(0.471, abs=5e-4)


@pytest.mark.parametrize("seed", range(5))
def test_random_case_against_the_libraries(seed: int) -> None:
    true, predicted = draw(seed)
    values = scores(confusion_matrix(true, predicted), [9] * 7)
    assert values["top1"] == pytest.approx(accuracy_score(true, predicted), abs=1e-12)
    assert values["bacc"] == pytest.approx(balanced_accuracy_score(true, predicted), abs=1e-12)
    assert values["macro_f1"] == pytest.approx(f1_score(true, predicted, average="macro"), abs=1e-12)
    assert values["gmean"] == pytest.approx(geometric_mean_score(true, predicted), abs=1e-12)
    macro = geometric_mean_score(true, predicted, average="macro")
    assert values["gmean_macro"] == pytest.approx(macro, abs=1e-12)
    assert values["gmean"] != pytest.approx(values["gmean_macro"], abs=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_absent_classes_are_left_out_of_every_mean(seed: int) -> None:
    true, predicted = draw(seed)
    kept = (true != 2) & (true != 6)
    true, predicted = true[kept], predicted[kept]
    present = [0, 1, 3, 4, 5]
    assert {2, 6} <= set(predicted)  # absent as labels but predicted: the case in which conventions differ
    values = scores(confusion_matrix(true, predicted, labels=range(7)), [9] * 7)
    assert values["top1"] == pytest.approx(accuracy_score(true, predicted), abs=1e-12)
    recalls = recall_score(true, predicted, labels=present, average=None)
    assert values["bacc"] == pytest.approx(recalls.mean(), abs=1e-12)
    assert values["few"] == pytest.approx(recalls.mean(), abs=1e-12)
    assert values["macro_f1"] == pytest.approx(f1_score(true, predicted, labels=present, average="macro"), abs=1e-12)
    assert values["gmean"] == pytest.approx(geometric_mean_score(true, predicted, labels=present), abs=1e-12)
    macro = geometric_mean_score(true, predicted, labels=present, average="macro")
    assert values["gmean_macro"] == pytest.approx(macro, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("k", [2, 3, 10])
def test_gmean_macro_has_a_closed_form_on_a_balanced_test_set(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = np.stack([rng.multinomial(50, rng.dirichlet(np.ones(k))) for _ in range(k)])
    values = scores(matrix, [9] * k)
    bacc = values["bacc"]
    assert values["top1"] == pytest.approx(bacc, abs=1e-12)
    assert values["gmean_macro"] == pytest.approx(math.sqrt(bacc * (1 - (1 - bacc) / (k - 1))), abs=1e-12)


def test_gmean_of_a_thousand_classes_does_not_underflow() -> None:
    matrix = np.eye(1000) * 1 + np.roll(np.eye(1000), 1, axis=1) * 9
    assert scores(matrix, [9] * 1000)["gmean"] == pytest.approx(0.1, rel=1e-12)


def test_perfect_and_hopeless_classifiers() -> None:
    assert set(scores(np.diag([5, 3, 1]), COUNTS).values()) == {1.0}
    hopeless = scores(np.roll(np.diag([5, 5, 5]), 1, axis=1), COUNTS)
    assert {hopeless[name] for name in ("top1", "bacc", "gmean", "gmean_macro", "macro_f1")} == {0.0}


def test_correction_touches_only_zero_recalls() -> None:
    assert scores(WORKED, COUNTS, correction=0.9)["gmean"] == scores(WORKED, COUNTS)["gmean"]


def test_group_borders() -> None:
    assert class_groups([101, 100, 20, 19, 0]) == ["many", "medium", "medium", "few", "few"]
    assert class_groups([5, 4, 3, 2], few=3, many=4) == ["many", "medium", "medium", "few"]


def test_groups_are_means_of_their_recalls() -> None:
    matrix = np.diag([1, 2, 3, 4, 5]) + np.roll(np.diag([4, 3, 2, 1, 0]), 1, axis=1)
    values = scores(matrix, [900, 101, 100, 20, 19])
    assert values["many"] == pytest.approx((0.2 + 0.4) / 2)
    assert values["medium"] == pytest.approx((0.6 + 0.8) / 2)
    assert values["few"] == pytest.approx(1.0)


def test_empty_groups_have_no_key() -> None:
    assert {"many", "medium", "few"} & set(scores(WORKED, [500, 200, 101])) == {"many"}
    assert {"many", "medium", "few"} & set(scores(WORKED, [30, 20, 5])) == {"medium", "few"}


def test_a_group_without_evaluation_samples_has_no_key() -> None:
    matrix = np.array([[3, 1, 0], [1, 3, 1], [0, 0, 0]])
    values = scores(matrix, COUNTS)
    assert "few" not in values
    assert values["bacc"] == pytest.approx((3 / 4 + 3 / 5) / 2)


def test_a_single_class_present() -> None:
    values = scores([[3, 1], [0, 0]], [30, 30])
    assert values["bacc"] == values["top1"] == 0.75
    assert values["gmean_macro"] == 0  # nobody to tell the class from: specificity 0/0 counts as 0


@pytest.mark.parametrize("seed", range(3))
def test_rows_per_class(seed: int) -> None:
    true, predicted = draw(seed)
    names = list("abcdefg")
    counts = [700, 101, 100, 50, 20, 19, 1]
    rows = per_class(confusion_matrix(true, predicted), counts, names)
    assert [row["class"] for row in rows] == names
    assert [row["n_train"] for row in rows] == counts
    assert [row["support"] for row in rows] == np.bincount(true, minlength=7).tolist()
    assert [row["group"] for row in rows] == ["many", "many", "medium", "medium", "medium", "few", "few"]
    for name, score in (("recall", recall_score), ("precision", precision_score), ("f1", f1_score)):
        np.testing.assert_allclose([row[name] for row in rows], score(true, predicted, average=None), atol=1e-12)


def test_row_of_an_absent_class_has_no_recall() -> None:
    matrix = np.array([[3, 1, 0], [1, 3, 1], [0, 0, 0]])
    row = per_class(matrix, COUNTS, ["a", "b", "c"])[2]
    expected = {"class": "c", "n_train": 5, "support": 0, "recall": None, "precision": 0.0, "f1": None}
    assert row == expected | {"group": "few"}


def test_row_of_a_class_never_predicted() -> None:
    row = per_class([[4, 0], [2, 0]], [30, 3], ["a", "b"])[1]
    assert (row["recall"], row["precision"], row["f1"]) == (0.0, 0.0, 0.0)


def test_thresholds_reach_the_rows() -> None:
    rows = per_class(WORKED, [9, 5, 2], ["a", "b", "c"], few=5, many=8)
    assert [row["group"] for row in rows] == ["many", "medium", "few"]
    assert scores(WORKED, [9, 5, 2], few=5, many=8)["many"] == 0.75


def test_the_confusion_matrix_of_torchmetrics_has_the_right_orientation() -> None:
    metric = MulticlassConfusionMatrix(num_classes=3)
    metric.update(torch.tensor(PREDICTED), torch.tensor(TRUE))
    matrix = metric.compute()
    assert isinstance(matrix, torch.Tensor)
    assert scores(matrix, COUNTS) == scores(WORKED, COUNTS)
    assert per_class(matrix, COUNTS, list("abc")) == per_class(WORKED, COUNTS, list("abc"))


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.ones((2, 3)), "shape"),
        (np.ones(3), "shape"),
        (np.zeros((3, 3)), "empty"),
        (-np.eye(3), "negative"),
        (np.eye(3) * np.nan, "non-finite"),
    ],
)
def test_unusable_confusion_matrix(matrix: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        scores(matrix, COUNTS)


def test_other_unusable_input() -> None:
    with pytest.raises(InputError, match="class_counts has 2 entries for 3 classes"):
        scores(WORKED, [5, 3])
    with pytest.raises(InputError, match="class_names has 1 entries for 3 classes"):
        per_class(WORKED, COUNTS, ["a"])
    with pytest.raises(InputError, match="few is 200 and many is 100"):
        scores(WORKED, COUNTS, few=200)
    with pytest.raises(InputError, match="correction is -1"):
        scores(WORKED, COUNTS, correction=-1)
