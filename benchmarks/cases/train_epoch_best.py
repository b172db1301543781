"""Training epoch at the best setting of this machine against the published pipeline."""

from collections.abc import Sequence

from benchmarks.case import Case, Pair, Settings, Side, Turn


def peer(turn: Turn, settings: Settings) -> None:
    """Epochs of the published loop."""
    from benchmarks.peers import Peer

    script = Peer(settings)
    loader = script.train_loader()
    while True:
        turn.begin()
        script.train_epoch(loader)
        turn.end(workers=loader.num_workers)


def ours(turn: Turn, settings: Settings, precision: str) -> None:
    """Epochs of phase 1 of a run."""
    from benchmarks.product import train_epochs

    train_epochs(turn, settings, f"accelerator.precision={precision}")


def pairs(settings: Settings) -> Sequence[Pair]:
    """One pair."""
    return [
        Pair(
            "training epoch",
            Side("published pipeline", peer),
            Side("lightning_imb, precision auto", ours, {"precision": "auto"}, product=True),
            target=2.2,
        )
    ]


CASE = Case("training epoch, best setting, against the published pipeline", pairs)
