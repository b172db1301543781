"""The generalization gap: how far the test embeddings of a class reach beyond its training embeddings.

Dablain, Bellinger, Krawczyk, Chawla: "Efficient Augmentation for Imbalanced Deep Learning", arXiv 2207.06080, say that
this gap is wider for rare classes and that EOS narrows it. The formula here is our reading of the abstract; there is no
official code. With the range (smallest and largest value) of every feature f over the rows of class c:

    ``gap_c = sum_f max(0, max_test - max_train) + max(0, min_train - min_test)``

Two yardsticks belong to it, because a range grows with the number of rows even where nothing has shifted: if both sides
come from one continuous distribution, ``P(max_test > max_train) = n_test / (n_test + n_train)``. `matched_gap` compares
equally many rows of both sides, `null_gap` says what a random division of the pooled rows would give. Both take rows
for independent. Synthetic rows are not: copies leave the gap as it is, but count as rows, so the null falls and the
excess grows by nothing. `class_gaps` leaves both out where it is told that training rows are synthetic.

The gap also shrinks when points are merely thrown about: never report it without the balanced accuracy of the model.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lightning_imb.utils.checked import checked_number
from lightning_imb.utils.errors import InputError

Rows: TypeAlias = NDArray[np.int64]
Draw: TypeAlias = Callable[[np.random.Generator], tuple[Rows, Rows]]

_BLOCK = 2**20  # values that are drawn from at a time: what stays in the cache is read twice as fast


class Labelled(NamedTuple):
    """Embeddings z (N, D) and their classes y (N,)."""

    z: NDArray[Any]
    y: NDArray[np.int64]


class Drawn(NamedTuple):
    """Mean and standard deviation (ddof 1) over random draws; both NaN where the gap is not defined."""

    mean: float
    sd: float


_UNDRAWN = Drawn(float("nan"), float("nan"))


def range_gap(train: NDArray[Any], test: NDArray[Any]) -> float:
    """Sum over all features how far the range of the test rows reaches beyond that of the training rows.

    Args:
        train: (N, D) embeddings of one class.
        test: (M, D) embeddings of the same class.

    Returns:
        At least 0, in units of the embeddings; 0 exactly when no test value lies outside the training range. NaN where
        one side has no row: what was not seen is not without a gap.
    """
    if not len(train) or not len(test):
        return float("nan")
    above = test.max(axis=0) - train.max(axis=0)
    below = train.min(axis=0) - test.min(axis=0)
    return float(np.maximum(above, 0).sum(dtype=np.float64) + np.maximum(below, 0).sum(dtype=np.float64))


def matched_gap(train: NDArray[Any], test: NDArray[Any], repetitions: int, rng: np.random.Generator) -> Drawn:
    """Compare equally many rows of both sides, so that the gaps of common and rare classes are comparable.

    Each repetition draws ``min(N, M)`` rows of each side, without replacement.

    Args:
        train: (N, D) embeddings of one class, none of them synthetic.
        test: (M, D) embeddings of the same class.
        repetitions: draws, at least 1.
        rng: what draws.
    """
    n, m = len(train), len(test)
    size = min(n, m)

    def draw(rng: np.random.Generator) -> tuple[Rows, Rows]:
        return rng.choice(n, size, replace=False), n + rng.choice(m, size, replace=False)

    return _drawn(train, test, draw, repetitions, rng)


def null_gap(train: NDArray[Any], test: NDArray[Any], repetitions: int, rng: np.random.Generator) -> Drawn:
    """Say what the gap would be if both sides were one: all rows, divided at random into N and M.

    A real shift widens this, too, since the pooled rows reach as far as both sides do.

    Args:
        train: (N, D) embeddings of one class, none of them synthetic.
        test: (M, D) embeddings of the same class.
        repetitions: divisions, at least 1.
        rng: what divides.
    """
    n, m = len(train), len(test)

    def draw(rng: np.random.Generator) -> tuple[Rows, Rows]:
        mixed = rng.permutation(n + m)
        return mixed[:n], mixed[n:]

    return _drawn(train, test, draw, repetitions, rng)


def class_gaps(
    train: Labelled,
    test: Labelled,
    predicted: NDArray[np.int64],
    classes: Iterable[int],
    repetitions: int,
    seed: int,
    false_positives: bool = False,
    synthetic: bool = False,
) -> pd.DataFrame:
    """Measure the gap of each class, raw, of equal sizes and under chance, and for right and wrong answers apart.

    Splitting the test rows by the answers is an extension of ours, not the paper's. The parts are raw gaps: compare
    ``gap_tp`` and ``gap_fn`` only beside ``tp_rows`` and ``fn_rows``, since fewer rows reach less far.

    Args:
        train: training embeddings (N, D); after over-sampling, the balanced set.
        test: test embeddings (M, D).
        predicted: (M,) what the model under study answers on the test rows.
        classes: the classes to measure, in this order (a progress bar around a range will do).
        repetitions: random draws behind ``matched`` and ``null``, at least 1.
        seed: of these draws; each class has draws of its own.
        false_positives: also compare the test rows of other classes that are taken for the class (``gap_fp``).
        synthetic: whether training rows are synthetic, of whatever class: what takes rows for independent (``matched``,
            ``null``, ``excess``) is then NaN for all classes, lest means be those of the classes without such rows.

    Returns:
        One row per class: ``class``, ``train_rows``, ``test_rows``, ``tp_rows``, ``fn_rows``, ``recall``, ``gap``,
        ``matched``, ``matched_sd``, ``null``, ``null_sd``, ``excess`` (``gap - null``), ``gap_tp``, ``gap_fn``, and
        with ``false_positives`` also ``fp_rows`` and ``gap_fp``. What has no rows is NaN, never 0.

    Raises:
        InputError: repetitions below 1, unequal widths, or embeddings that are not finite.
    """
    checked_number("repetitions", repetitions, 1)
    if train.z.shape[1] != test.z.shape[1]:
        raise InputError(
            f"train has {train.z.shape[1]} features and test has {test.z.shape[1]}; give embeddings of one model"
        )
    rows = []
    for c in classes:
        here, there = train.z[train.y == c], test.z[test.y == c]
        _check_finite(here, "training", c)
        _check_finite(there, "test", c)
        right = predicted[test.y == c] == c
        draws = None if synthetic else np.random.default_rng([seed, c])
        row = {"class": c} | _row(here, there, right, repetitions, draws)
        if false_positives:
            strangers = test.z[(predicted == c) & (test.y != c)]
            row |= {"fp_rows": len(strangers), "gap_fp": range_gap(here, strangers)}
        rows.append(row)
    return pd.DataFrame(rows)


def mean_gaps(gaps: pd.DataFrame, groups: Mapping[str, Sequence[int]]) -> pd.DataFrame:
    """Average the gaps over groups of classes, every class counting alike, beside the balanced accuracy of the model.

    Args:
        gaps: what `class_gaps` returns.
        groups: classes of each group, by its name; groups without classes are left out.

    Returns:
        One row per group: ``group``, ``classes``, ``bacc`` (mean recall) and the means of ``gap``, ``matched``,
        ``null``, ``excess``, ``gap_tp``, ``gap_fn`` and, where it is there, ``gap_fp``. Each mean leaves out the
        classes for which the number is not defined, as balanced accuracy does; NaN where it is defined for none.
    """
    averaged = [name for name in ("gap", "matched", "null", "excess", "gap_tp", "gap_fn", "gap_fp") if name in gaps]
    rows = []
    for group, members in groups.items():
        chosen = gaps[gaps["class"].isin(list(members))]
        if len(chosen):
            means = chosen[averaged].mean().to_dict()
            rows.append({"group": group, "classes": len(chosen), "bacc": chosen["recall"].mean(), **means})
    return pd.DataFrame(rows)


def _row(
    train: NDArray[Any], test: NDArray[Any], right: NDArray[np.bool_], repetitions: int, rng: np.random.Generator | None
) -> dict[str, float | int]:
    """Measure one class, of whose test rows (M, D) those in ``right`` (M,) are answered with it; draw with ``rng``."""
    gap = range_gap(train, test)
    matched = null = _UNDRAWN
    if rng is not None:
        matched, null = (gauge(train, test, repetitions, rng) for gauge in (matched_gap, null_gap))
    return {
        "train_rows": len(train),
        "test_rows": len(test),
        "tp_rows": int(right.sum()),
        "fn_rows": int((~right).sum()),
        "recall": float(right.mean()) if len(right) else float("nan"),
        "gap": gap,
        "matched": matched.mean,
        "matched_sd": matched.sd,
        "null": null.mean,
        "null_sd": null.sd,
        "excess": gap - null.mean,
        "gap_tp": range_gap(train, test[right]),
        "gap_fn": range_gap(train, test[~right]),
    }


def _drawn(train: NDArray[Any], test: NDArray[Any], draw: Draw, repetitions: int, rng: np.random.Generator) -> Drawn:
    """Gaps between drawn rows of both sides, numbered as one table, the training rows first.

    Features are added up block by block, every block with the same draws: no row is ever copied as a whole.
    """
    if not len(train) or not len(test):
        return _UNDRAWN
    start = rng.bit_generator.state
    gaps = np.zeros(repetitions)
    width = max(1, _BLOCK // (len(train) + len(test)))
    for at in range(0, train.shape[1], width):
        rng.bit_generator.state = start
        block = np.concatenate([train[:, at : at + width], test[:, at : at + width]])
        for i in range(repetitions):
            first, second = draw(rng)
            gaps[i] += range_gap(block[first], block[second])
    return Drawn(float(gaps.mean()), float(gaps.std(ddof=1)) if repetitions > 1 else float("nan"))


def _check_finite(z: NDArray[Any], name: str, c: int) -> None:
    # min and max carry a NaN or an infinity out of the rows without a copy of them
    if len(z) and not np.isfinite([z.min(), z.max()]).all():
        raise InputError(f"the {name} embeddings of class {c} are not all finite; choose a checkpoint before the NaN")
