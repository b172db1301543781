"""The analyses of finished runs on 100,000 embeddings of 2,048 features: time, and memory above the embeddings."""

import resource
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.case import Case, Pair, Settings, Side, Turn

if TYPE_CHECKING:
    from benchmarks.looking_inside import Found, Inside


class Measured(NamedTuple):
    """One analysis.

    Attributes:
        title: What it is.
        plain: How the baseline does it.
        share: The baseline gets every so many-th row or class: what it can hold, or do in some minutes.
        note: A word on how to read the figure.
    """

    title: str
    plain: str
    share: int
    note: str


ANALYSES = {
    "gaps": Measured("generalization gap, raw, matched and null", "draws copied, by class", 10, "every tenth class"),
    "classification": Measured(
        "top features of CE", "array rows x classes x features", 1000, "100 rows of it have 0.8 GB"
    ),
    "diversity_and_density": Measured("diversity and density ratios of FE", "loop over rows", 20, "every 20th row"),
    "neighbourhoods": Measured(
        "archetypes by 5 neighbours", "scikit-learn neighbours", 20, "every 20th row asked of all"
    ),
    "similarity": Measured(
        "debiased linear CKA", "matrices rows x rows", 20, "every 20th row; per row the baseline grows with the rows"
    ),
    "mapped": Measured("embedding map, t-SNE of 1,000 points", "scikit-learn, all features", 1, "the same points"),
}


def plain(turn: Turn, settings: Settings, analysis: str) -> None:
    """The analysis as one would first write it, of a share of the rows."""
    from benchmarks import naive_inside

    work, share = getattr(naive_inside, analysis), settings.size(ANALYSES[analysis].share, 1)
    _measured(turn, settings, lambda data: work(data, share), all_rows=share == 1)


def ours(turn: Turn, settings: Settings, analysis: str) -> None:
    """The product's analysis, of all rows."""
    from benchmarks import looking_inside
    from benchmarks.product import common_overrides, compose_config

    compose_config(*common_overrides(settings))  # for its threads
    all_rows = settings.size(ANALYSES[analysis].share, 1) == 1
    _measured(turn, settings, getattr(looking_inside, analysis), all_rows)


def _measured(turn: Turn, settings: Settings, work: "Callable[[Inside], Found]", all_rows: bool) -> None:
    from benchmarks.looking_inside import inside
    from benchmarks.timing import peak_memory_mb

    before = _resident_mb()
    data = inside(settings)
    inputs = sum(array.nbytes for array in data) / 1e6
    while True:
        turn.begin()
        rows, found = work(data)
        above = round(peak_memory_mb() - before - inputs)  # at least what it took to draw the embeddings
        same = {"work": found} if all_rows else {}  # of other rows other things are found
        turn.end(units=rows, rows=rows, peak_mb_above_inputs=above, **same)


def _resident_mb() -> float:
    """What this process holds now, in 10^6 bytes."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def pairs(settings: Settings) -> Sequence[Pair]:
    """Seconds per row; the baselines get as many rows as they can hold or do in some minutes."""
    return [
        Pair(
            f"{measured.title}, 100,000 x 2,048",
            Side(measured.plain, plain, {"analysis": analysis}),
            Side("lightning_imb", ours, {"analysis": analysis}, product=True),
            note=f"seconds per row; baseline: {measured.note}",
        )
        for analysis, measured in ANALYSES.items()
    ]


CASE = Case(
    "the analyses of finished runs at 100,000 x 2,048: time and peak memory (about twenty minutes)",
    pairs,
    opt_in=True,
    repeats=1,
    warmups=0,
)
