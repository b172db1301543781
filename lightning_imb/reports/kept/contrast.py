"""The difference of two kept results, paired by seed and by test image, with intervals."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from lightning_imb.reports.kept.cell import Cell
from lightning_imb.reports.kept.keep import unpacked
from lightning_imb.utils.errors import InputError

LEVEL = 0.95
_BACC = "test/bacc"
Interval = tuple[float, float]


@dataclass(frozen=True)
class Difference:
    """What one result has over another.

    Attributes:
        by_seed: Difference of each seed that both have, by rising seed.
        over_seeds: 95 % interval of the mean over all seeds there could be (Student's t); None below two seeds.
        over_images: 95 % interval of these seeds' mean over all test images there could be (normal, images drawn
            anew within each class); None for a score other than balanced accuracy.
    """

    by_seed: tuple[float, ...]
    over_seeds: Interval | None
    over_images: Interval | None

    @property
    def mean(self) -> float:
        """Mean over the seeds."""
        return statistics.fmean(self.by_seed)


def difference(better: Cell, than: Cell, score: str = _BACC) -> Difference | None:
    """Subtract one kept result from another; None where they share no seed with this score.

    Both intervals are needed: seeds say how much trainings differ, test images how much the finite test set
    may mislead about the networks that were trained.

    Args:
        better: What is subtracted from.
        than: What is subtracted.
        score: What is compared.

    Raises:
        InputError: If they were trained or tested on different data.
    """
    pairs = [(better.of_seed(seed), than.of_seed(seed)) for seed in better.seeds if seed in than.seeds]
    pairs = [(a, b) for a, b in pairs if score in a.scores and score in b.scores]
    if not pairs:
        return None
    if any(a.fingerprint != b.fingerprint or a.support != b.support for a, b in pairs):
        raise InputError(f"{better.file_name} and {than.file_name} are of different data and cannot be subtracted")
    found = tuple(a.scores[score] - b.scores[score] for a, b in pairs)
    images = None
    if score == _BACC and pairs[0][0].hits:
        images = _over_images(
            [
                _gains([unpacked(a, k) for a, _ in pairs], [unpacked(b, k) for _, b in pairs])
                for k, samples in enumerate(pairs[0][0].support)
                if samples
            ]
        )
    return Difference(found, _over_seeds(found), images)


def _over_seeds(values: Sequence[float]) -> Interval | None:
    if len(values) < 2:
        return None
    reach = float(stats.t.ppf((1 + LEVEL) / 2, len(values) - 1)) * statistics.stdev(values) / math.sqrt(len(values))
    mean = statistics.fmean(values)
    return mean - reach, mean + reach


def _gains(better: Sequence[np.ndarray], than: Sequence[np.ndarray]) -> np.ndarray:
    """(n_k,) in -1..1: the share of seeds in which each image of a class is won, less that in which it is lost."""
    gains: np.ndarray = np.mean(better, axis=0) - np.mean(than, axis=0)
    return gains


def _over_images(gains: Sequence[np.ndarray]) -> Interval | None:
    """The mean over classes of independent means: their variances add up."""
    if any(len(of_class) < 2 for of_class in gains):
        return None
    mean = statistics.fmean(float(of_class.mean()) for of_class in gains)
    error = math.sqrt(sum(float(of_class.var(ddof=1)) / len(of_class) for of_class in gains)) / len(gains)
    reach = float(stats.norm.ppf((1 + LEVEL) / 2)) * error
    return mean - reach, mean + reach
