import logging
from typing import ClassVar

import numpy as np
import pytest
from scipy import sparse

from lightning_imb.resampling.class_by_class import PIECE, ClassByClass, Made, pieces_of


class Numbered(ClassByClass):
    """Makes rows that say which class they are of, and what was drawn for them."""

    reported: ClassVar = ("first", "fallback")

    def __init__(self, *, sampling_strategy="auto", random_state=None):
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state

    def maker(self, table):
        self.table_ = table
        return self

    def make(self, position, number, rng):
        rows = ((position, rng.random()) for _ in range(number))
        outcome = {"first": number, "fallback": "alone" if len(self.table_.members[position]) == 1 else None}
        return Made((np.array([row]) for row in rows), outcome)


def test_rows_labels_and_report():
    X, y = np.arange(12.0).reshape(6, 2), np.array(["b", "a", "b", "c", "b", "a"])
    sampler = Numbered(random_state=0)
    result, labels = sampler.fit_resample(X, y)
    np.testing.assert_array_equal(labels, [*y, "a", "c", "c"])
    np.testing.assert_array_equal(result[:6], X)
    np.testing.assert_array_equal(result[6:, 0], [0, 2, 2])
    assert sampler.report_ == [
        {"label": "a", "n": 2, "generated": 1, "first": 1, "fallback": None},
        {"label": "b", "n": 3, "generated": 0, "first": None, "fallback": None},
        {"label": "c", "n": 1, "generated": 2, "first": 2, "fallback": "alone"},
    ]
    assert [rows.tolist() for rows in sampler.table_.members] == [[1, 5], [0, 2, 4], [3]]
    np.testing.assert_array_equal(sampler.table_.counts, [2, 3, 1])


def test_each_class_draws_from_its_own_generator():
    X, y = np.zeros((9, 2)), np.repeat([0, 1, 2], [5, 2, 2])
    draws = Numbered(random_state=0).fit_resample(X, y)[0][9:, 1]
    assert len(set(draws)) == 6
    fewer = Numbered(random_state=0, sampling_strategy={2: 5}).fit_resample(X, y)[0][9:, 1]
    np.testing.assert_array_equal(fewer, draws[3:])


def test_fallbacks_are_warned_of(caplog):
    with caplog.at_level(logging.DEBUG):
        Numbered().fit_resample(np.zeros((6, 2)), np.array([0, 0, 0, 1, 1, 2]))
    assert [record.levelname for record in caplog.records if "Numbered" in record.message] == ["DEBUG", "WARNING"]


@pytest.mark.parametrize("X", [sparse.csr_matrix(np.eye(4)), np.eye(4, dtype=np.float16), np.eye(4, dtype=int)])
def test_makers_see_dense_floats_and_results_keep_their_kind(X):
    sampler = Numbered(random_state=0)
    result, _ = sampler.fit_resample(X[:, :2], np.array([0, 0, 0, 1]))
    assert sampler.table_.data.dtype in (np.float32, np.float64)
    assert (type(result), result.dtype) == (type(X), X.dtype)


@pytest.mark.parametrize("number", [0, 1, PIECE, 2 * PIECE + 1])
def test_pieces_cover_all_rows_once(number):
    assert [at for piece in pieces_of(number) for at in range(piece.start, piece.stop)] == list(range(number))
    assert all(piece.stop - piece.start <= PIECE for piece in pieces_of(number))
