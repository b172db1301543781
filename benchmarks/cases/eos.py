"""EOS against the released script's algorithm on the same embeddings."""

import hashlib
from collections.abc import Sequence
from typing import Any

from benchmarks.case import Case, Pair, Settings, Side, Turn


def released(turn: Turn, settings: Settings, max_count: int) -> None:
    """scikit-learn neighbours, then a loop over samples."""
    from benchmarks.embeddings import long_tailed_rows
    from benchmarks.released_eos import ReleasedEOS, brute_neighbors

    X, y = long_tailed_rows(max_count)
    work = neighbor_digest(brute_neighbors(X, 10)[minority(y)])
    while True:
        turn.begin()
        rows, _ = ReleasedEOS().fit_resample(X, y)
        turn.end(work=(work, len(rows)))


def ours(turn: Turn, settings: Settings, max_count: int) -> None:
    """The resampler of ``resampler=eos`` with its default settings."""
    from benchmarks.embeddings import long_tailed_rows
    from benchmarks.product import common_overrides, compose_config
    from lightning_imb.build import create
    from lightning_imb.resampling.neighbors import nearest

    cfg = compose_config("resampler=eos", *common_overrides(settings))
    X, y = long_tailed_rows(max_count)
    work = neighbor_digest(nearest(minority(y), X, cfg.resampler.k))
    while True:
        resampler = create(cfg.resampler, "resampler")
        turn.begin()
        rows, _ = resampler.fit_resample(X, y)
        turn.end(work=(work, len(rows)), threads=cfg.threads)


def minority(y: Any) -> Any:
    """Rows of all classes but the largest: those that can become a base."""
    import numpy as np

    counts = np.bincount(y)
    return np.flatnonzero(counts[y] < counts.max())


def neighbor_digest(neighbors: Any) -> str:
    """Fingerprint of the set of neighbours of every row, whatever their order."""
    import numpy as np

    return hashlib.sha256(np.sort(neighbors.astype(np.int64), axis=1).tobytes()).hexdigest()[:12]


def pairs(settings: Settings) -> Sequence[Pair]:
    """The long tail of CIFAR-10, and one four times as large."""
    return [
        Pair(
            f"EOS, {rows} rows",
            Side("released algorithm", released, {"max_count": settings.size(most, 100)}),
            Side("lightning_imb EOS", ours, {"max_count": settings.size(most, 100)}, product=True),
            target=target,
            note="same neighbour sets, checked in every run",
        )
        for rows, most, target in (("12,406", 5000, 5.0), ("49,995", 20151, None))
    ]


CASE = Case("EOS against the released algorithm, same neighbours", pairs)
