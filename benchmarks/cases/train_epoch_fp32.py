"""Training epoch in float32 against the published pipeline."""

from collections.abc import Sequence

from benchmarks.case import Case, Pair, Settings, Side
from benchmarks.cases.train_epoch_best import ours, peer


def pairs(settings: Settings) -> Sequence[Pair]:
    """One pair."""
    return [
        Pair(
            "training epoch, float32",
            Side("published pipeline", peer),
            Side("lightning_imb, float32", ours, {"precision": "32-true"}, product=True),
            target=1.4,
        )
    ]


CASE = Case("training epoch in float32 against the published pipeline", pairs)
