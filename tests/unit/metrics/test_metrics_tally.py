"""Counts per class: the same scores as from a confusion matrix, without K x K and without waiting for a device."""

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix
from torch import Tensor
from torchmetrics.classification import MulticlassConfusionMatrix

from lightning_imb.metrics import ClassTally, class_rates, per_class, rates, scores
from lightning_imb.utils.errors import InputError

STATES = ("hits", "support", "predicted")


def draw(k: int, n: int = 500, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Predictions right in about half of the cases, and targets in which some classes are rare or absent."""
    generator = torch.Generator().manual_seed(seed)
    target = torch.multinomial(1 / torch.arange(1.0, k + 1), n, replacement=True, generator=generator)
    right = torch.rand(n, generator=generator) < 0.5
    return target.where(right, torch.randint(k, (n,), generator=generator)), target


def tallied(k: int, predicted: Tensor, target: Tensor, batch: int = 64) -> ClassTally:
    tally = ClassTally(k)
    for p, t in zip(predicted.split(batch), target.split(batch), strict=True):
        tally.update(p, t)
    return tally


def test_counts_are_diagonal_and_margins_of_the_confusion_matrix() -> None:
    predicted, target = draw(7)
    counts = tallied(7, predicted, target).compute()
    matrix = confusion_matrix(target, predicted, labels=range(7))
    assert counts.dtype == torch.int64
    assert counts.tolist() == [np.diag(matrix).tolist(), matrix.sum(1).tolist(), matrix.sum(0).tolist()]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("k", [2, 10, 300])
def test_scores_and_rows_are_those_of_the_confusion_matrix_exactly(k: int, seed: int) -> None:
    predicted, target = draw(k, seed=seed)
    metric = MulticlassConfusionMatrix(k)
    metric.update(predicted, target)
    matrix = metric.compute()
    assert isinstance(matrix, Tensor)
    found = rates(*tallied(k, predicted, target).compute())
    for ours, theirs in zip(found, class_rates(matrix), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    counts, names = list(range(2 * k, k, -1)), [str(c) for c in range(k)]
    options = {"few": k + k // 4, "many": k + k // 2}
    assert scores(found, counts, **options, correction=0.01) == scores(matrix, counts, **options, correction=0.01)
    assert per_class(found, counts, names, **options) == per_class(matrix, counts, names, **options)


def test_six_classes_of_rates_are_not_taken_for_a_matrix() -> None:
    predicted, target = draw(6)
    found = rates(*tallied(6, predicted, target).compute())
    assert np.shape(found) == (6, 6)
    assert scores(found, [9] * 6)["top1"] == pytest.approx((predicted == target).float().mean().item())


def test_reset_begins_anew() -> None:
    predicted, target = draw(4)
    tally = tallied(4, predicted, target)
    tally.reset()
    assert {name: value.tolist() for name, value in tally.metric_state.items()} == dict.fromkeys(STATES, [0] * 4)
    tally.update(predicted[:1], target[:1])
    assert tally.compute()[1:].sum().item() == 2


def test_an_empty_batch_counts_nothing() -> None:
    tally = ClassTally(3)
    tally.update(torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int64))
    assert tally.compute().sum().item() == 0


def test_states_are_vectors_that_processes_add_up() -> None:
    tally = ClassTally(8142)
    assert {name: value.shape for name, value in tally.metric_state.items()} == dict.fromkeys(STATES, (8142,))
    gathered = torch.stack([torch.tensor([1, 2]), torch.tensor([3, 4])])
    assert [reduce(gathered).tolist() for reduce in tally._reductions.values() if callable(reduce)] == [[4, 6]] * 3
    assert dict(tally.state_dict()) == {}


def test_counting_never_waits_for_the_device() -> None:
    # a meta tensor has no values: whatever would have to look at one raises
    tally = ClassTally(10).to("meta")
    labels = torch.zeros(5, dtype=torch.int64, device="meta")
    tally.update(labels, labels)
    assert tally.hits.is_meta


def test_a_label_beyond_the_classes_is_an_error() -> None:
    with pytest.raises((RuntimeError, IndexError), match="out of"):
        ClassTally(3).update(torch.tensor([0]), torch.tensor([3]))


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        (([1, 1], [2, 2], [2, 1, 1]), r"shapes \(2,\), \(2,\) and \(3,\)"),
        (([[1]], [[1]], [[1]]), "shapes"),
        (([2, 2], [1, 1], [2, 2]), "do not fit together"),  # support and hits exchanged
        (([1, 1], [2, 2], [1, 1]), "do not fit together"),
        (([2, 0], [2, 1], [1, 2]), "do not fit together"),
        (([-1, 0], [1, 1], [1, 1]), "do not fit together"),
        (([np.nan, 0], [1, 1], [1, 1]), "do not fit together"),
        (([0, 0], [np.inf, 1], [np.inf, 1]), "do not fit together"),
        (([0, 0], [0, 0], [0, 0]), "at least one evaluation sample"),
    ],
)
def test_unusable_counts(counts: tuple[list[float], ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        rates(*counts)
