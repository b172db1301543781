"""How far a share measured on few images can be from that on very many."""

from typing import NamedTuple

from scipy.stats import binomtest

from lightning_imb.reports.paired import LEVEL


class Interval(NamedTuple):
    """Limits of a share, in 0..1."""

    low: float
    high: float

    @property
    def width(self) -> float:
        """High minus low."""
        return self.high - self.low

    def __str__(self) -> str:
        return f"{self.low:.3f} to {self.high:.3f}"


def wilson(hits: int, total: int) -> Interval:
    """Score interval of a share at 95 %, ``(p + z^2/2n ± z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)``, p = hits/total.

    Unlike ``p ± z sqrt(p(1-p)/n)`` it does not end in a point where all or no images were recognised.

    Args:
        hits: Right answers, 0..total.
        total: Images n, >= 1.

    Source:
        Wilson 1927, "Probable inference, the law of succession, and statistical inference",
        Journal of the American Statistical Association 22 (158), 209-212.
    """
    found = binomtest(hits, total).proportion_ci(LEVEL, method="wilson")
    return Interval(float(found.low), float(found.high))
