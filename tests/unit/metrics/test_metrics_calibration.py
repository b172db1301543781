"""Calibration against a plain loop, a worked case and torchmetrics."""

import math

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import multiclass_calibration_error

from lightning_imb.metrics import binned, calibration, reliability
from lightning_imb.utils.errors import InputError


def draw(seed: int, k: int = 5, n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, k)) * rng.uniform(0.5, 4, (n, 1)), rng.integers(k, size=n)


def by_loop(logits: np.ndarray, targets: np.ndarray, bins: int = 15) -> tuple[float, float, list[list[float]]]:
    """ECE, MCE, and samples, confidence and accuracy of each bin that has samples."""
    found = []
    for m in range(bins):
        lower, upper = m / bins, (m + 1) / bins
        sure, right = [], []
        for z, y in zip(logits, targets, strict=True):
            p = [math.exp(value) / sum(math.exp(other) for other in z) for value in z]
            if lower < max(p) <= upper:
                sure.append(max(p))
                right.append(p.index(max(p)) == y)
        if sure:
            found.append([len(sure), sum(sure) / len(sure), sum(right) / len(right)])
    gaps = [(n, abs(accuracy - confidence)) for n, confidence, accuracy in found]
    return sum(n * gap for n, gap in gaps) / len(targets), max(gap for _, gap in gaps), found


def test_worked_case() -> None:
    bins = binned([0.95, 0.9, 0.62, 0.61, 0.34], [1, 0, 1, 1, 0])
    assert bins.ece == pytest.approx(0.412, abs=1e-12)
    assert bins.mce == pytest.approx(0.9, abs=1e-12)
    assert (np.flatnonzero(bins.samples) + 1).tolist() == [6, 10, 14, 15]
    assert bins.samples[9] == 2


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("bins", [1, 7, 15])
def test_random_case_against_a_plain_loop(seed: int, bins: int) -> None:
    logits, targets = draw(seed)
    found = reliability(logits, targets, bins)
    ece, mce, rows = by_loop(logits, targets, bins)
    assert found.ece == pytest.approx(ece, abs=1e-12)
    assert found.mce == pytest.approx(mce, abs=1e-12)
    there = [row for row in found.rows() if row[0]]
    np.testing.assert_allclose(there, rows, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_random_case_against_torchmetrics(seed: int) -> None:
    """Its bins are closed on the left, which matters on edges only; random confidences meet none."""
    logits, targets = draw(seed)
    p, y = torch.from_numpy(logits).softmax(dim=1), torch.from_numpy(targets)
    found = reliability(logits, targets)
    for norm, value in (("l1", found.ece), ("max", found.mce)):
        assert value == pytest.approx(float(multiclass_calibration_error(p, y, 5, 15, norm)), abs=1e-6)


def test_bins_are_closed_on_the_right() -> None:
    edges = np.linspace(0, 1, 16)
    assert binned(edges[1:], np.ones(15)).samples.tolist() == [1] * 15
    assert np.flatnonzero(binned([0.0], [1]).samples).tolist() == [0]
    assert np.flatnonzero(binned([np.nextafter(edges[3], 1)], [1]).samples).tolist() == [3]


def test_empty_bins_have_no_means_and_no_part_in_the_errors() -> None:
    bins = binned([0.5, 0.5], [True, False], bins=4)
    assert bins.rows() == [[0, None, None], [2, 0.5, 0.5], [0, None, None], [0, None, None]]
    assert (bins.ece, bins.mce) == (0, 0)


def test_extremes() -> None:
    sure = np.array([[1e4, 0.0], [0.0, 1e4]])
    assert reliability(sure, [0, 1]).ece == 0
    assert reliability(sure, [1, 0]).ece == 1
    assert reliability(np.zeros((8, 4)), [0, 1, 2, 3] * 2).ece == 0  # a quarter right, a quarter sure


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_half_precision_is_read_as_it_is(dtype: torch.dtype) -> None:
    logits, targets = draw(0)
    half = torch.from_numpy(logits).to(dtype)
    assert reliability(half, torch.from_numpy(targets)).ece == reliability(half.double(), targets).ece


def test_blocks_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, targets = draw(0)
    whole = reliability(logits, targets)
    monkeypatch.setattr(calibration, "_AT_ONCE", 12)  # two rows of five classes
    assert reliability(logits, targets).rows() == whole.rows()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: reliability(np.zeros((3, 2)), [0, 1]), r"\(3, 2\) and \(2,\)"),
        (lambda: reliability(np.zeros(3), [0, 1, 0]), r"\(3,\)"),
        (lambda: reliability(np.zeros((0, 2)), []), "N >= 1"),
        (lambda: reliability(np.full((1, 2), np.nan), [0]), "NaN"),
        (lambda: binned([0.5], [1], bins=0), "bins is 0"),
        (lambda: binned([1.5], [1]), "outside 0..1"),
    ],
)
def test_bad_input_is_refused(call, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=words):
        call()
