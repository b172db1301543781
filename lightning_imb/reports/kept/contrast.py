"""The difference of two kept results, paired by seed and by test image, with intervals."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from lightning_imb.reports.kept.cell import Cell, KeptRun
from lightning_imb.reports.paired import LEVEL, t_interval
from lightning_imb.utils.errors import InputError

_RECALL = "test/recall/"
Interval = tuple[float, float]
Pairs = Sequence[tuple[KeptRun, KeptRun]]


@dataclass(frozen=True)
class Difference:
    """What one result has over another.

    Attributes:
        by_seed: Difference of each seed that both have, by rising seed.
        over_seeds: 95 % interval of the mean over all seeds there could be (Student's t); None below two seeds.
        over_images: 95 % interval of these seeds' mean over all test images there could be (normal, images drawn
            anew within each class); None for a score other than recalls and their means.
    """

    by_seed: tuple[float, ...]
    over_seeds: Interval | None
    over_images: Interval | None

    @property
    def mean(self) -> float:
        """Mean over the seeds."""
        return statistics.fmean(self.by_seed)

    @property
    def clear(self) -> bool:
        """Whether 0 is outside the interval over seeds, and outside that over images where there is one."""
        bounds = [self.over_seeds] if self.over_images is None else [self.over_seeds, self.over_images]
        return all(one is not None and one[0] * one[1] > 0 for one in bounds)


def difference(better: Cell, than: Cell, score: str) -> Difference | None:
    """Subtract one kept result from another; None where they share no seed with this score.

    Both intervals are needed: seeds say how much trainings differ, test images how much the finite test set
    may mislead about the networks that were trained.

    Args:
        better: What is subtracted from.
        than: What is subtracted.
        score: What is compared.

    Raises:
        InputError: If they were trained or tested on different data, or report epochs chosen in different ways.
    """
    _check_comparable(better, than)
    pairs = [(better.of_seed(seed), than.of_seed(seed)) for seed in better.seeds if seed in than.seeds]
    pairs = [(a, b) for a, b in pairs if score in a.scores and score in b.scores]
    if not pairs:
        return None
    found = tuple(a.scores[score] - b.scores[score] for a, b in pairs)
    weights = _weights(score, better)
    return Difference(found, t_interval(found), _over_images(pairs, weights) if weights else None)


def _check_comparable(better: Cell, than: Cell) -> None:
    terms = [(c.dataset, c.class_names, c.train_counts, c.protocol, c.selected_on) for c in (better, than)]
    images = {(run.fingerprint, run.support) for run in (*better.runs, *than.runs) if run.hits}
    if terms[0] != terms[1] or len(images) > 1:
        raise InputError(
            f"{better.file_name} and {than.file_name} are of different data or protocols and cannot be subtracted"
        )


def _weights(score: str, cell: Cell) -> dict[int, float]:
    """What the recall of each class counts in a score; empty for scores that are no mean of recalls."""
    support = cell.runs[0].support
    present = [k for k, samples in enumerate(support) if samples]
    if score == "test/bacc":
        return {k: 1 / len(present) for k in present}
    if score == "test/top1":
        return {k: support[k] / sum(support) for k in present}
    return {k: 1.0 for k in present if score == f"{_RECALL}{cell.class_names[k]}"}


def _over_images(pairs: Pairs, weights: Mapping[int, float]) -> Interval | None:
    """A weighted mean of independent means: their variances add up, with the squares of the weights."""
    if not pairs[0][0].hits or any(pairs[0][0].support[k] < 2 for k in weights):
        return None
    gains = {k: _gains(pairs, k) for k in weights}
    mean = sum(weight * float(gains[k].mean()) for k, weight in weights.items())
    variance = sum(weight**2 * float(gains[k].var(ddof=1)) / len(gains[k]) for k, weight in weights.items())
    reach = float(stats.norm.ppf((1 + LEVEL) / 2)) * math.sqrt(variance)
    return mean - reach, mean + reach


def _gains(pairs: Pairs, k: int) -> np.ndarray:
    """(n_k,) in -1..1: the share of seeds in which each image of a class is won, less that in which it is lost."""
    gains: np.ndarray = np.mean([a.right(k) for a, _ in pairs], axis=0) - np.mean(
        [b.right(k) for _, b in pairs], axis=0
    )
    return gains
