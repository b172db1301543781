"""Times, and what is made of them: medians of ratios of neighbouring measurements."""

import resource
import statistics
import time
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

Clock = Literal["wall_s", "cpu_s"]


class Sample(NamedTuple):
    """One round of one side.

    Attributes:
        wall_s: Seconds that passed.
        cpu_s: Seconds of processor time, ended children of the process included.
        units: Amount of work done.
        facts: What the side told beside the time.
    """

    wall_s: float
    cpu_s: float
    units: float
    facts: dict[str, Any]


class Spread(NamedTuple):
    """Median and extremes."""

    median: float
    low: float
    high: float


class Stopwatch:
    """Wall and processor seconds since it was made."""

    def __init__(self) -> None:
        self._cpu = cpu_seconds()
        self._wall = time.perf_counter()

    def read(self) -> tuple[float, float]:
        """Seconds passed: wall, processor."""
        return time.perf_counter() - self._wall, cpu_seconds() - self._cpu


def cpu_seconds() -> float:
    """Processor time of this process and of its children that have ended, in user and system mode."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far, in 10^6 bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def spread(values: Sequence[float]) -> Spread:
    """Median, smallest and largest value."""
    return Spread(statistics.median(values), min(values), max(values))


def seconds(samples: Sequence[Sample], clock: Clock) -> Spread:
    """Seconds per unit of work over all rounds."""
    return spread([getattr(sample, clock) / sample.units for sample in samples])


def ratios(above: Sequence[Sample], below: Sequence[Sample], clock: Clock) -> Spread:
    """``above / below`` in seconds per unit of work, formed round by round.

    The two samples of a round are neighbours in time, so that what slows the machine down for a while slows both.

    Args:
        above: One sample per round.
        below: The other side's samples of the same rounds.
        clock: Which seconds.
    """
    pairs = zip(above, below, strict=True)
    return spread([(getattr(a, clock) / a.units) / (getattr(b, clock) / b.units) for a, b in pairs])
