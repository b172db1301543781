"""SIGTERM and Ctrl-C during a fit: finish the batch, write a checkpoint, end."""

import logging
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torchmetrics import Metric

from lightning_imb.utils.errors import NoRoomError
from lightning_imb.utils.signals import Interrupted, end_now, on_ending_signals

log = logging.getLogger(__name__)

_STATE = "epoch_so_far"
_METRICS = ("train_tally", "train_loss")


class Interrupt(Callback):
    """Ends a fit that is told to end, in a state from which the same command goes on as if nothing had been.

    The signal is answered after the batch at hand: ``last.ckpt`` then holds weights, optimizer, position within the
    epoch and the counts of its training scores. During validation the epoch is finished first, whose own
    checkpoint follows. A second signal ends the process at once. With several processes, whose counts are spread
    over the ranks, the fit ends without a checkpoint in mid-epoch and goes on from the epoch before.

    Args:
        checkpoint: ``last.ckpt`` of this fit.

    Attributes:
        told: The signal that came, if one did.
    """

    def __init__(self, checkpoint: Path) -> None:
        self.checkpoint = checkpoint
        self.told: int | None = None
        self._writing = False
        self._pending: dict[str, dict[str, Any]] = {}
        self._handlers = ExitStack()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Answer signals from here on; bring back what was counted in an epoch that goes on."""
        for name, state in self._pending.items():
            _restore(getattr(pl_module, name), state)
        self._pending = {}
        self._handlers.enter_context(on_ending_signals(self._answer))

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """End here if told to, unless the epoch is over and its own checkpoint follows."""
        if self.told is None or batch_idx + 1 == trainer.num_training_batches:
            return
        if trainer.world_size == 1:
            self._write(trainer)
        self._end(trainer)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End between two epochs if told to."""
        self._end(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End after the last epoch if told to."""
        self._handlers.close()
        self._end(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Give the signals back."""
        self._handlers.close()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End a test at once if told to: Lightning would first talk to the other processes, which do not listen."""
        self._handlers.enter_context(on_ending_signals(self._answer_at_once))

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Give the signals back, whatever happened."""
        self._handlers.close()

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Add the counts of an unfinished epoch, which a checkpoint between two epochs has no need of."""
        if self._writing:
            checkpoint[_STATE] = {name: _state(getattr(pl_module, name)) for name in _METRICS}

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Keep them until the module is on its device."""
        self._pending = checkpoint.get(_STATE, {})

    def _answer(self, signum: int, frame: FrameType | None) -> None:
        if self.told is not None:
            end_now(signum, frame)
        self.told = signum

    def _answer_at_once(self, signum: int, frame: FrameType | None) -> None:
        self.told = signum  # what the trainer makes of being ended in the middle is no defect
        end_now(signum, frame)

    def _write(self, trainer: Trainer) -> None:
        self._writing = True
        try:
            trainer.save_checkpoint(self.checkpoint)
        finally:
            self._writing = False

    def _end(self, trainer: Trainer) -> None:
        if self.told is None:
            return
        name = signal.Signals(self.told).name
        where = f"from {self.checkpoint}" if self.checkpoint.is_file() else "from the beginning of this phase"
        log.warning("%s: stopped in epoch %d; the same command goes on %s", name, trainer.current_epoch, where)
        raise Interrupted(self.told)


@contextmanager
def told_to_end(trainer: Trainer) -> Iterator[None]:
    """Call it an interruption when a trainer that was told to end fails on the way out, as it does in many ways.

    Raises:
        Interrupted: In place of any defect, once a signal has come.
    """
    try:
        yield
    except NoRoomError:
        raise
    except Exception as consequence:
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(callback, Interrupt) and callback.told is not None:
                raise Interrupted(callback.told) from consequence
        raise


def _state(metric: Metric) -> dict[str, Any]:
    return {name: torch.as_tensor(value).detach().cpu().clone() for name, value in metric.metric_state.items()}


def _restore(metric: Metric, state: dict[str, Any]) -> None:
    for name, value in state.items():
        setattr(metric, name, value.to(metric.device))
