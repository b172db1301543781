"""Extractors of runs to which something happens; files in the working folder say whether, or when."""

import json
import os
import signal
from pathlib import Path

from lightning_imb.models.backbones import SmallCNN


class Mendable(SmallCNN):
    """Has a defect until there is a file ``mended``."""

    def forward(self, images):
        if not Path("mended").exists():
            raise KeyError("a defect")
        return super().forward(images)


class Mortal(SmallCNN):
    """Kills its process in training, which leaves a file ``died``, and not again."""

    def forward(self, images):
        if list(Path("sweep").rglob("*Mortal*/**/last.ckpt")) and _first("died"):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(images)


class Telling(SmallCNN):
    """Sends a signal to the process of its sweep once so many runs have a checkpoint: ``tell.json`` says which."""

    def forward(self, images):
        tell = json.loads(Path("tell.json").read_text())
        if len(list(Path("sweep").rglob("last.ckpt"))) >= tell["checkpoints"] and _first("told"):
            os.kill(os.getppid() if tell["parent"] else os.getpid(), tell["signum"])
        return super().forward(images)


def _first(name):
    """Whether this process is the one that makes a file."""
    try:
        Path(name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
