"""Whether an expected order of levels is seen: step by step, against constants, and as a trend."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
from scipy import stats

from lightning_imb.reports.blocks import DECIMALS, Blocks, arrange
from lightning_imb.reports.collect import RunRecord, grouped
from lightning_imb.reports.comparison import check_protocols
from lightning_imb.reports.paired import holm
from lightning_imb.reports.ranks import ALPHA
from lightning_imb.reports.regression.yardsticks import yardstick_of
from lightning_imb.reports.signed_rank import below_zero_p, smallest_one_sided_p
from lightning_imb.settings import first_of
from lightning_imb.utils.direction import lower_is_better
from lightning_imb.utils.errors import InputError

BEATS = "beats the mean of its training targets"
MIN_TREND = 3  # levels; two have a step and no trend
MIN_BLOCKS = 2  # of the trend test

Verdict = Literal["seen", "not seen", "too few"]


@dataclass(frozen=True)
class Statement:
    """One claim about paired runs.

    Attributes:
        claim: In words, such as ``uniform is better than normal``.
        kind: A step of the order, a level against a constant, or the trend over all levels.
        n: Number of blocks that were compared.
        mean: Mean difference of the metric, first - second; None of the trend.
        p: One-sided p value; NaN without blocks.
        smallest: The smallest p value that so many blocks can reach.
        p_holm: The p value after Holm's correction over all statements of the order.
        smallest_holm: What the corrected p value would be if every statement had its smallest.
    """

    claim: str
    kind: Literal["step", "constant", "trend"]
    n: int
    mean: float | None
    p: float
    smallest: float
    p_holm: float = math.nan
    smallest_holm: float = math.nan

    @property
    def verdict(self) -> Verdict:
        """``too few``: whatever the runs had found, so few could not have shown it."""
        if self.p_holm < ALPHA:
            return "seen"
        return "not seen" if self.smallest_holm < ALPHA else "too few"


@dataclass(frozen=True)
class Ordering:
    """What was found of an expected order.

    Attributes:
        of: Values of the other keys, such as ``("reg_mse",)``: what the runs share.
        levels: (L,) best first, as expected.
        statements: Steps, constants, trend.
        blocks: The scores.
    """

    of: tuple[str, ...]
    levels: tuple[str, ...]
    statements: tuple[Statement, ...]
    blocks: Blocks

    @property
    def verdict(self) -> Verdict:
        """Whether the order as a whole is seen: every step of it."""
        steps = [statement.verdict for statement in self.statements if statement.kind == "step"]
        if "not seen" in steps:
            return "not seen"
        return "too few" if "too few" in steps else "seen"


def orderings(
    records: Sequence[RunRecord], keys: Sequence[str], order: Sequence[str], metric: str, first: str | None = None
) -> tuple[list[Ordering], list[str]]:
    """Check an expected order, once for every combination of the other keys whose runs have all of its levels.

    Runs are paired by blocks (:func:`lightning_imb.reports.blocks.arrange`). Neighbours in the order, and each level
    against the constant of its own training targets, are compared by the one-sided, exact Wilcoxon signed-rank test;
    the whole order by the trend test of Page 1963 (Journal of the American Statistical Association 58). All p values of
    one order are corrected together by Holm's procedure.

    Args:
        records: The runs.
        keys: What they differ in, such as ``["imbalance", "method"]``.
        order: Values of one of the keys, the best first.
        metric: Name as in ``metrics.json``.
        first: Value of one of the other keys that comes first in the result; None for the order of the runs.

    Returns:
        What was found, and sentences about combinations that lack a level.

    Raises:
        InputError: No key has these values, no combination has all of them, or runs cannot be compared.
    """
    check_protocols(records, keys)
    key = _key_of(records, keys, order)
    others = [other for other in keys if other != key]
    groups = grouped(records, others)
    if first is not None and not any(first in labels for labels in groups):
        raise InputError(f"There is no {first!r} among the values of {', '.join(others) or key}: leave out control=.")
    found, left_out = [], []
    for labels, members in sorted(groups.items(), key=lambda group: first not in group[0]):
        missing = [level for level in order if level not in {record.label(key) for record in members}]
        if missing:
            left_out.append(f"{' '.join(labels)}: no order is checked, there is no run with {key}={first_of(missing)}")
        else:
            found.append(_ordering(labels, members, key, order, metric))
    if not found:
        raise InputError(f"No runs have all of order=[{','.join(order)}]: {left_out[0]}.")
    return found, left_out


def _key_of(records: Sequence[RunRecord], keys: Sequence[str], order: Sequence[str]) -> str:
    values = {key: list(dict.fromkeys(record.label(key) for record in records)) for key in keys}
    found = next((key for key, labels in values.items() if set(order) <= set(labels)), None)
    if found is None:
        known = "; ".join(f"{key} has {first_of(labels)}" for key, labels in values.items())
        raise InputError(f"order=[{','.join(order)}] are not values of one key of rows= or cols=: {known}.")
    return found


def _ordering(
    labels: tuple[str, ...], members: Sequence[RunRecord], key: str, order: Sequence[str], metric: str
) -> Ordering:
    runs = [record for record in members if record.label(key) in order]
    blocks = arrange(runs, [key], metric)
    scores = _better_first(blocks, order)
    statements = [*_steps(scores, order, metric), *_against_constants(runs, scores, key, order, metric)]
    if len(order) >= MIN_TREND:
        statements.append(_trend(scores, order))
    return Ordering(labels, tuple(order), _corrected(statements), blocks)


def _better_first(blocks: Blocks, order: Sequence[str]) -> np.ndarray:
    """(N, L) scores in the order expected, turned so that lower is better."""
    sign = 1.0 if lower_is_better(blocks.metric) else -1.0
    scores: np.ndarray = sign * blocks.scores[:, [blocks.levels.index(level) for level in order]]
    return scores


def _steps(scores: np.ndarray, order: Sequence[str], metric: str) -> list[Statement]:
    return [
        _statement(f"{order[i]} is better than {order[j]}", "step", scores[:, i] - scores[:, j], metric)
        for i, j in pairwise(range(len(order)))
    ]


def _against_constants(
    runs: Sequence[RunRecord], scores: np.ndarray, key: str, order: Sequence[str], metric: str
) -> list[Statement]:
    """None where no run has recorded what the constant scores."""
    name = yardstick_of(metric)
    if all(record.score(name) is None for record in runs):
        return []
    constants = _better_first(arrange(runs, [key], name), order)
    return [
        _statement(f"{level} {BEATS}", "constant", scores[:, i] - constants[:, i], metric)
        for i, level in enumerate(order)
    ]


def _statement(claim: str, kind: Literal["step", "constant"], gaps: np.ndarray, metric: str) -> Statement:
    """Gaps below zero speak for the claim."""
    paired = np.round(gaps[~np.isnan(gaps)], DECIMALS)
    n, sign = len(paired), 1 if lower_is_better(metric) else -1
    mean = sign * float(paired.mean()) if n else None
    return Statement(claim, kind, n, mean, below_zero_p(paired), smallest_one_sided_p(n))


def _trend(scores: np.ndarray, order: Sequence[str]) -> Statement:
    complete = scores[~np.isnan(scores).any(axis=1)]
    n, k = complete.shape
    claim = f"there is a trend from {order[0]} to {order[-1]}"
    if n < MIN_BLOCKS:
        return Statement(claim, "trend", n, None, np.nan, 1.0)
    p = float(stats.page_trend_test(complete).pvalue)
    return Statement(claim, "trend", n, None, p, 1.0 / math.factorial(k) ** n)


def _corrected(statements: Sequence[Statement]) -> tuple[Statement, ...]:
    ps, smallest = (holm(values) for values in ([s.p for s in statements], [s.smallest for s in statements]))
    return tuple(replace(s, p_holm=p, smallest_holm=low) for s, p, low in zip(statements, ps, smallest, strict=True))
