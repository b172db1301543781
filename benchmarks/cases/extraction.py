"""Embedding the training set against the bare forward pass over it."""

from collections.abc import Sequence

from benchmarks.case import Case, Pair, Settings, Side, Turn


def bare(turn: Turn, settings: Settings) -> None:
    """Forward passes in the precision of the run."""
    from benchmarks.bare import BareLoop
    from benchmarks.product import prepare

    run = prepare(settings, "method=erm")
    loop = BareLoop(run)
    while True:
        turn.begin()
        rows = loop.embed("train")
        turn.end(work=tuple(rows.shape), **run.facts)


def ours(turn: Turn, settings: Settings) -> None:
    """Phase 2's extraction."""
    from benchmarks.product import prepare
    from lightning_imb.callbacks.phase_switch import extract

    run = prepare(settings, "method=erm")
    device = "cpu" if settings.accelerator == "cpu" else "cuda"
    model, autocast = run.model.to(device), run.autocast()
    while True:
        turn.begin()
        rows, _ = extract(model, run.data, "train", autocast)
        turn.end(work=tuple(rows.shape), **run.facts)


def pairs(settings: Settings) -> Sequence[Pair]:
    """One pair."""
    return [
        Pair(
            "embedding of the training images",
            Side("bare forward pass", bare, product=True),
            Side("lightning_imb, extraction", ours, product=True),
            kind="overhead",
            target=1.05,
        )
    ]


CASE = Case("phase 2: extraction against the bare forward pass", pairs, repeats=9)
