"""What a benchmark case is made of: two sides that do the same work, and what their ratio has to reach."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol


class BenchmarkError(Exception):
    """A measurement that cannot be made or would mean nothing; one sentence for the user."""


@dataclass(frozen=True)
class Settings:
    """What both sides of every pair are told.

    Attributes:
        data: Folder written by ``benchmarks.data.write_images``.
        scratch: Folder for run folders and other files that nobody keeps.
        quick: Toy sizes, to see that everything runs; the figures mean nothing.
        threads: CPU threads of both sides, or None: torch's choice for baselines, ``threads=auto`` for the product.
        rounds: How often each side will be asked for its work, warm-up included.
        accelerator: ``cpu`` or ``gpu``.
    """

    data: Path
    scratch: Path
    quick: bool
    threads: int | None
    rounds: int
    accelerator: str = "cpu"

    def to_json(self) -> str:
        """For a process that is told by a file."""
        return json.dumps(asdict(self), default=str)

    @staticmethod
    def from_json(text: str) -> "Settings":
        """What :meth:`to_json` wrote."""
        told = json.loads(text)
        return Settings(**{**told, "data": Path(told["data"]), "scratch": Path(told["scratch"])})

    def size(self, real: int, toy: int) -> int:
        """A size for the real measurement, or for ``quick``."""
        return toy if self.quick else real


class Turn(Protocol):
    """How a side learns when to work; what lies between ``begin`` and ``end`` is timed."""

    def begin(self) -> None:
        """Wait until it is this side's turn; never returns when the measurement is over."""

    def end(self, units: float = 1.0, **facts: Any) -> None:
        """Report the work as done.

        Args:
            units: Amount of work done, where the two sides do different amounts; seconds are divided by it.
            **facts: Anything worth telling beside the time, such as a peak of memory.
        """


Work = Callable[[Turn, Settings], None]


@dataclass(frozen=True)
class Side:
    """One of the two things compared, run in a process of its own.

    Attributes:
        label: What the table calls it.
        work: A module-level function: sets up, then loops over ``turn.begin()``, the work and ``turn.end()``. It
            imports torch inside, because thread settings must be made before.
        arguments: Keyword arguments of ``work``.
        product: Whether the process starts as the product's commands do (thread and memory settings), and not as a
            plain Python script.
    """

    label: str
    work: Callable[..., None]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    product: bool = False


@dataclass(frozen=True)
class Pair:
    """A baseline and ours.

    Attributes:
        name: What is measured.
        baseline: The side that the other is compared with.
        ours: The product's side.
        kind: ``speed-up`` is baseline / ours, larger is better; ``overhead`` is ours / baseline, smaller is better.
        target: What the ratio of wall times has to reach, or None.
        limit_s: What our wall seconds must not exceed, or None.
        neighbours: Processes that keep a core busy all the while.
        note: A word on how to read the figure.
    """

    name: str
    baseline: Side
    ours: Side
    kind: Literal["speed-up", "overhead"] = "speed-up"
    target: float | None = None
    limit_s: float | None = None
    neighbours: int = 0
    note: str = ""


@dataclass(frozen=True)
class Case:
    """A module of ``benchmarks.cases``, as its ``CASE``.

    Attributes:
        summary: One line for ``--list``.
        pairs: What is measured, given the settings.
        opt_in: Runs only when it is named.
        repeats: Measured rounds where the user gives none.
        warmups: Rounds before them that do not count.
        derive: From the results of the pairs to further rows of the table, marked as computed.
    """

    summary: str
    pairs: Callable[[Settings], Sequence[Pair]]
    opt_in: bool = False
    repeats: int = 5
    warmups: int = 1
    derive: Callable[[Sequence[Any]], Sequence[str]] | None = None
