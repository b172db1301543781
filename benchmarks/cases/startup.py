"""From the command to ``--help``, and to the first training step on digits."""

import subprocess
import sys
from collections.abc import Sequence

from benchmarks.case import BenchmarkError, Case, Pair, Settings, Side, Turn

NAIVE_HELP = "import torch, torchvision, pytorch_lightning, torchmetrics, hydra"
FIRST_STEP = [
    "-m",
    "lightning_imb.train",
    "dataset=digits",
    "method=eos",
    "optimizer=sgd",
    "optimizer._target_=benchmarks.stamps.EndAtFirstStep",
]


def command(turn: Turn, settings: Settings, arguments: Sequence[str], paths: bool = False) -> None:
    """Run Python with these arguments to its end.

    Args:
        turn: Waits for the turns.
        settings: Where run folders go.
        arguments: Of Python.
        paths: Whether the command is the product's, and has to be told where its run folder goes.
    """
    number = 0
    while True:
        number += 1
        folder = [f"hydra.run.dir={settings.scratch}/start{number}"] if paths else []
        turn.begin()
        done = subprocess.run(
            [sys.executable, *arguments, *folder], capture_output=True, text=True, cwd=settings.scratch, check=False
        )
        if done.returncode:
            raise BenchmarkError(f"{arguments} failed: {done.stderr[-500:]}")
        turn.end()


def pairs(settings: Settings) -> Sequence[Pair]:
    """A script that imports what the product needs, and one that trains digits, as baselines."""
    return [
        Pair(
            "imb-train --help",
            Side("script that imports at its top", command, {"arguments": ["-c", NAIVE_HELP]}),
            Side("imb-train --help", command, {"arguments": ["-m", "lightning_imb.train", "--help"]}),
            limit_s=1.5,
        ),
        Pair(
            "first training step of digits",
            Side("plain Lightning script", command, {"arguments": ["-m", "benchmarks.naive_digits"]}),
            Side("imb-train", command, {"arguments": FIRST_STEP, "paths": True}),
            limit_s=12.0,
            note="the product has by then read, split and checked everything, and rehearsed both phases",
        ),
    ]


CASE = Case("start-up: --help, and the first training step of digits", pairs)
