"""EOS on embeddings of ImageNet-LT's size: time and memory, about ten minutes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from benchmarks.case import Case, Pair, Settings, Side, Turn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ROWS, WIDTH, CLASSES, LARGEST, SMALLEST = 115_846, 2048, 1000, 1280, 5
TENTH = 10


def class_sizes(rows: int, classes: int, largest: int, smallest: int) -> list[int]:
    """A long tail ``largest · (smallest / largest)^(u^p)``, u from 0 to 1, with the p that gives the sum wanted.

    Args:
        rows: The sum.
        classes: K.
        largest: Rows of class 0.
        smallest: Rows of the last class.
    """

    def sizes(power: float) -> list[int]:
        shares = ((k / (classes - 1)) ** power for k in range(classes))
        return [round(largest * (smallest / largest) ** share) for share in shares]

    low, high = 0.0, 10.0
    for _ in range(60):  # the sum grows with the power: halve
        power = (low + high) / 2
        low, high = (power, high) if sum(sizes(power)) <= rows else (low, power)
    found = sizes(low)
    found[1] += rows - sum(found)  # what rounding left over
    return found


def rows_of(settings: Settings) -> "tuple[NDArray[np.float32], NDArray[np.int64]]":
    """Embeddings and labels of ImageNet-LT's class sizes, or of a toy."""
    from benchmarks.embeddings import clustered_rows

    if settings.quick:
        return clustered_rows(class_sizes(600, 20, 100, 5), 32)
    return clustered_rows(class_sizes(ROWS, CLASSES, LARGEST, SMALLEST), WIDTH)


def brute(turn: Turn, settings: Settings) -> None:
    """scikit-learn's neighbours for a tenth of the rows that can become a base."""
    from sklearn.neighbors import NearestNeighbors

    from benchmarks.cases.eos import minority

    X, y = rows_of(settings)
    queried = minority(y)[::TENTH]
    while True:
        turn.begin()
        NearestNeighbors(n_neighbors=11, algorithm="brute").fit(X).kneighbors(X[queried])
        turn.end(units=len(queried))


def ours(turn: Turn, settings: Settings) -> None:
    """All of the product's EOS: neighbours of all rows that can become a base, and the synthetic rows."""
    from benchmarks.cases.eos import minority
    from benchmarks.product import common_overrides, compose_config
    from benchmarks.timing import peak_memory_mb
    from lightning_imb.build import create

    cfg = compose_config("resampler=eos", *common_overrides(settings))
    X, y = rows_of(settings)
    before = peak_memory_mb()
    while True:
        resampler = create(cfg.resampler, "resampler")
        turn.begin()
        rows, _ = resampler.fit_resample(X, y)
        above = peak_memory_mb() - before
        turn.end(
            units=len(minority(y)),
            rows=len(rows),
            result_mb=round(rows.nbytes / 1e6),
            peak_mb_above_inputs=round(above),
            threads=cfg.threads,
        )


def pairs(settings: Settings) -> Sequence[Pair]:
    """Seconds per row that can become a base: the baseline searches for a tenth of them and draws nothing."""
    return [
        Pair(
            f"EOS, {ROWS:,} x {WIDTH:,}",
            Side("scikit-learn neighbours alone", brute),
            Side("lightning_imb EOS, all of it", ours, product=True),
            note="seconds per queried row; the baseline queries a tenth of the rows, and once only",
        )
    ]


CASE = Case(
    "EOS at ImageNet-LT's size: time and peak memory (about ten minutes)", pairs, opt_in=True, repeats=1, warmups=0
)
