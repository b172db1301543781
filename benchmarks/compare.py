"""Runs a pair in turns and says what came out."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.case import BenchmarkError, Case, Pair, Settings
from benchmarks.timing import Clock, Sample, Spread, ratios, seconds
from benchmarks.worker import Worker

Report = Callable[[str], None]
WORK = "work"  # the fact that both sides must agree on, where they tell it


@dataclass(frozen=True)
class Result:
    """What was measured of a pair.

    Attributes:
        case: Name of the case.
        pair: The pair.
        baseline: Its samples, one per round.
        ours: Ours, of the same rounds.
    """

    case: str
    pair: Pair
    baseline: list[Sample]
    ours: list[Sample]

    def ratio(self, clock: Clock = "wall_s") -> Spread:
        """The ratio of the pair's kind: baseline / ours, or ours / baseline."""
        if self.pair.kind == "speed-up":
            return ratios(self.baseline, self.ours, clock)
        return ratios(self.ours, self.baseline, clock)

    def reached(self) -> bool | None:
        """Whether the target is reached by the median; None where there is none."""
        verdicts = []
        if self.pair.target is not None:
            median, target = self.ratio().median, self.pair.target
            verdicts.append(median >= target if self.pair.kind == "speed-up" else median <= target)
        if self.pair.limit_s is not None:
            verdicts.append(seconds(self.ours, "wall_s").median <= self.pair.limit_s)
        return all(verdicts) if verdicts else None

    def facts(self) -> dict[str, Any]:
        """What the sides told in the last round, by label."""
        told = {self.pair.baseline.label: self.baseline[-1].facts, self.pair.ours.label: self.ours[-1].facts}
        return {label: facts for label, facts in told.items() if facts}


def measure_case(name: str, case: Case, settings: Settings, repeats: int | None, report: Report) -> list[Result]:
    """Measure all pairs of a case, one after the other.

    Args:
        name: Name of the case.
        case: The case.
        settings: For both sides.
        repeats: Rounds that count; None for the case's own number.
        report: Takes a line about what is going on.

    Raises:
        BenchmarkError: If a side fails.
    """
    results = []
    for pair in case.pairs(settings):
        rounds = case.repeats if repeats is None else repeats
        told = replace(settings, rounds=case.warmups + rounds)
        report(f"{name}: {pair.name}")
        results.append(measure(name, pair, told, case.warmups, report))
    return results


def measure(name: str, pair: Pair, settings: Settings, warmups: int, report: Report) -> Result:
    """Run baseline and ours in turns: A B A B ..., each in a process of its own.

    Args:
        name: Name of the case.
        pair: The two sides.
        settings: For both; ``rounds`` are those in all.
        warmups: Rounds, of those, that do not count.
        report: Takes a line about what is going on.

    Raises:
        BenchmarkError: If a side fails, or the two contradict each other about what they worked on.
    """
    result = Result(name, pair, [], [])
    with busy_neighbours(pair.neighbours), Worker(pair.baseline, settings) as baseline:
        baseline.ready()  # before the other starts: neither setting up may disturb what the other looks at
        with Worker(pair.ours, settings) as ours:
            ours.ready()
            for number in range(settings.rounds):
                one, other = baseline.round(), ours.round()
                check_same_work(pair, one, other)
                if number >= warmups:
                    result.baseline.append(one)
                    result.ours.append(other)
                report(f"  round {number + 1} of {settings.rounds}: {one.wall_s:.3g} s and {other.wall_s:.3g} s")
    return result


def check_same_work(pair: Pair, baseline: Sample, ours: Sample) -> None:
    """Refuse to compare sides that tell different values of the fact ``work``.

    Raises:
        BenchmarkError: If they do.
    """
    told = [sample.facts[WORK] for sample in (baseline, ours) if WORK in sample.facts]
    if len(set(told)) > 1:
        raise BenchmarkError(
            f"{pair.name}: '{pair.baseline.label}' worked on {told[0]}, '{pair.ours.label}' on {told[1]}: "
            "their times cannot be compared"
        )


@contextmanager
def busy_neighbours(number: int) -> Iterator[None]:
    """Keep that many cores busy with something else."""
    command = [sys.executable, "-c", "while True: pass"]
    running = [subprocess.Popen(command) for _ in range(number)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()
