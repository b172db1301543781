"""Epoch of a Lightning fit against the bare loop with the same step."""

from collections.abc import Sequence

from benchmarks.case import Case, Pair, Settings, Side, Turn
from benchmarks.cases.train_epoch_best import ours


def bare(turn: Turn, settings: Settings) -> None:
    """Epochs of the bare loop with the step of a run."""
    from benchmarks.bare import BareLoop
    from benchmarks.product import prepare

    run = prepare(settings, "method=erm")
    loop = BareLoop(run)
    while True:
        turn.begin()
        loop.train_epoch()
        turn.end(**run.facts)


def pairs(settings: Settings) -> Sequence[Pair]:
    """One pair; start-up of the fit is not counted, checkpoints and logs are."""
    return [
        Pair(
            "training epoch of a fit",
            Side("bare loop, same step", bare, product=True),
            Side("lightning_imb, precision auto", ours, {"precision": "auto"}, product=True),
            kind="overhead",
            target=1.05,
        )
    ]


CASE = Case("Lightning training epoch against the bare loop with the same step", pairs)
