"""A training step beside a busy neighbour: default waiting of OpenMP against the product's choice."""

from collections.abc import Sequence

from benchmarks.case import Case, Pair, Settings, Side, Turn


def steps(turn: Turn, settings: Settings, threads: int | None) -> None:
    """Some steps of the bare loop.

    Args:
        turn: Waits for the turns.
        settings: Where the images are.
        threads: 0 for torch's own choice, None for the product's.
    """
    import torch

    from benchmarks.bare import BareLoop
    from benchmarks.product import prepare
    from lightning_imb.utils.memory import keep_freed_memory

    default = torch.get_num_threads()
    run = prepare(settings, "method=erm")
    if threads == 0:
        torch.set_num_threads(default)
        keep_freed_memory()  # the other side has it: the threads alone are to differ
    loop = BareLoop(run)
    while True:
        turn.begin()
        done = loop.train_epoch(settings.size(20, 2))
        turn.end(units=done, **run.facts)


def pairs(settings: Settings) -> Sequence[Pair]:
    """With one core busy, and with none, which must not cost anything."""
    return [
        Pair(
            f"training step, {neighbours or 'no'} busy neighbour",
            Side("torch's threads, spinning", steps, {"threads": 0}),
            Side("threads=auto", steps, {"threads": None}, product=True),
            neighbours=neighbours,
            note="seconds per step",
        )
        for neighbours in (1, 0)
    ]


CASE = Case("a step beside a busy neighbour: torch's default against threads=auto", pairs, repeats=9)
