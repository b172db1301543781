"""Several levels compared by their ranks: Friedman's test and the critical difference of Nemenyi."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from lightning_imb.reports.blocks import Blocks
from lightning_imb.utils.direction import lower_is_better

ALPHA = 0.05
MIN_LEVELS = 3
MIN_BLOCKS = 5  # fewer ranks per level say next to nothing, and the test's distribution does not hold
ROUGH_BELOW = 10  # blocks; Demsar 2006, section 3.2.2: the distribution holds well above ten


@dataclass(frozen=True)
class RankTest:
    """Average ranks of several levels, and how far apart they must be.

    Attributes:
        levels: (L,) names, best rank first.
        ranks: (L,) average ranks; 1 is the best.
        n: Number of blocks that all levels have.
        chi2: Friedman's statistic, corrected for ties.
        p_chi2: Its p value, L - 1 degrees of freedom.
        f: Statistic of Iman and Davenport, which is less conservative.
        p_f: Its p value, L - 1 and (L - 1)(n - 1) degrees of freedom.
        critical: Critical difference of Nemenyi's test at 0.05: average ranks further apart differ.
    """

    levels: tuple[str, ...]
    ranks: tuple[float, ...]
    n: int
    chi2: float
    p_chi2: float
    f: float
    p_f: float
    critical: float


def rank_test(blocks: Blocks) -> RankTest | str:
    """Rank the levels on every block that all of them have, and test whether they differ at all.

    Source:
        Demsar 2006, Statistical comparisons of classifiers over multiple data sets, JMLR 7, section 3.2.2.

    Args:
        blocks: The scores.

    Returns:
        The test, or a sentence that says why there is none.
    """
    scores = blocks.complete
    n, k = scores.shape
    if k < MIN_LEVELS or n < MIN_BLOCKS:
        return (
            f"No Friedman test and no critical difference: they need at least {MIN_LEVELS} values of "
            f"{', '.join(blocks.row_keys)} and {MIN_BLOCKS} blocks that all of them have; there are {k} and {n}"
        )
    averages = average_ranks(scores, lower_is_better(blocks.metric))
    order = np.argsort(averages, kind="stable")
    chi2, p_chi2, f, p_f = friedman(scores)
    return RankTest(
        levels=tuple(blocks.levels[i] for i in order),
        ranks=tuple(float(averages[i]) for i in order),
        n=n,
        chi2=chi2,
        p_chi2=p_chi2,
        f=f,
        p_f=p_f,
        critical=critical_difference(k, n),
    )


def average_ranks(scores: np.ndarray, lowest_first: bool) -> np.ndarray:
    """(L,) mean rank of each level over the blocks, 1 for the best; equal scores share their ranks.

    Args:
        scores: (N, L) scores.
        lowest_first: Whether the lowest score is the best.
    """
    ranks: np.ndarray = stats.rankdata(scores if lowest_first else -scores, axis=1)
    averages: np.ndarray = ranks.mean(axis=0)
    return averages


def friedman(scores: np.ndarray) -> tuple[float, float, float, float]:
    """Friedman's chi-squared with its p value, and the F statistic of Iman and Davenport with its own.

    Args:
        scores: (N, L) scores, at least three levels.
    """
    n, k = scores.shape
    if (scores == scores[:, :1]).all():  # all ranks are shared: nothing speaks for a difference
        return 0.0, 1.0, 0.0, 1.0
    chi2, p_chi2 = (float(value) for value in stats.friedmanchisquare(*scores.T))
    rest = n * (k - 1) - chi2
    f = (n - 1) * chi2 / rest if rest > 0 else np.inf  # no rest: every block has the same order
    return chi2, p_chi2, f, float(stats.f.sf(f, k - 1, (k - 1) * (n - 1)))


def critical_difference(levels: int, blocks: int, alpha: float = ALPHA) -> float:
    """How far apart two average ranks must be to differ, by Nemenyi's test.

    Source:
        Demsar 2006, section 3.2.2: ``CD = q_alpha sqrt(k (k + 1) / (6 N))``, ``q_alpha`` from the studentized
        range divided by the square root of two.

    Args:
        levels: k, how many are compared.
        blocks: N, on how many blocks.
        alpha: Level of significance.
    """
    q = stats.studentized_range.ppf(1 - alpha, levels, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(levels * (levels + 1) / (6 * blocks)))


def cliques(ranks: tuple[float, ...], critical: float) -> list[tuple[int, int]]:
    """Largest runs of neighbours in rank that do not differ.

    Args:
        ranks: (L,) average ranks, sorted.
        critical: The critical difference.

    Returns:
        First and last position of each run of at least two.
    """
    found: list[tuple[int, int]] = []
    for first, rank in enumerate(ranks):
        last = max(i for i in range(first, len(ranks)) if ranks[i] - rank <= critical)
        if last > first and (not found or last > found[-1][1]):
            found.append((first, last))
    return found
