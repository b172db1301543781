"""No process of a run outlives the one that started it."""

import os
import threading
import time

from pytorch_lightning import Callback, LightningModule, Trainer

_LOOK_S = 1.0  # between two looks
_GRACE_S = 10.0  # for the first process to end


class EndTogether(Callback):
    """Ends the other processes of a run (DDP) when the first one is gone, whatever ended it.

    When another process fails, Lightning kills them all, the first one too. Nothing of the kind happens when the first
    one fails or is killed: the others would wait for it, on GPUs until the time limit of the collective operation,
    half an hour later.
    """

    def __init__(self) -> None:
        self._watching = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Begin to watch, once, in a thread: the process itself may be waiting."""
        if trainer.global_rank > 0 and not self._watching:
            self._watching = True
            threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True, name="end-together").start()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Let the first process end before this one.

        If it does, what failed here is a consequence that nobody has to read, such as a lost connection, and Lightning
        has no reason to kill the first one while it still writes why it ended.
        """
        if self._watching:
            time.sleep(_GRACE_S)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os._exit(1)  # an exception would end this thread only
