"""Training epoch against a naive Lightning module."""

from collections.abc import Sequence

from benchmarks.case import Case, Pair, Settings, Side, Turn
from benchmarks.cases.train_epoch_best import ours


def naive(turn: Turn, settings: Settings, workers: int) -> None:
    """Epochs of a fit that loads single images and logs every step."""
    from benchmarks.naive import naive_image_fit
    from benchmarks.product import EpochTurns

    facts = {"workers": workers}
    naive_image_fit(settings, settings.rounds + 1, [EpochTurns(turn, facts)], workers)


def pairs(settings: Settings) -> Sequence[Pair]:
    """Loaders without workers, the faster ones on few cores, and with two."""
    own = Side("lightning_imb, precision auto", ours, {"precision": "auto"}, product=True)
    return [
        Pair(f"training epoch, {workers} workers", Side("naive Lightning module", naive, {"workers": workers}), own)
        for workers in ((0,) if settings.quick else (0, 2))
    ]


CASE = Case("training epoch, best setting, against a naive Lightning module", pairs)
