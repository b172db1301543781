"""Validation of 10,000 images against the published pipeline."""

from collections.abc import Sequence

from benchmarks.case import Case, Pair, Settings, Side, Turn


def peer(turn: Turn, settings: Settings) -> None:
    """The published validation loop."""
    from benchmarks.peers import Peer

    script = Peer(settings)
    loader = script.test_loader()
    while True:
        turn.begin()
        script.validate(loader)
        turn.end(workers=loader.num_workers)


def ours(turn: Turn, settings: Settings) -> None:
    """Validation within a fit; its training epochs, of a handful of images, lie between the turns."""
    from benchmarks.product import ValidationTurns, attach, prepare

    run = prepare(settings, "method=erm", f"epochs={settings.rounds + 1}", few=True)
    attach(run.model, ValidationTurns(turn, run.facts))
    run.fits.represent(run.model)


def pairs(settings: Settings) -> Sequence[Pair]:
    """One pair."""
    return [
        Pair(
            "validation of 10,000 images",
            Side("published pipeline", peer),
            Side("lightning_imb, precision auto", ours, product=True),
            target=3.0,
        )
    ]


CASE = Case("validation of 10,000 images against the published pipeline", pairs)
