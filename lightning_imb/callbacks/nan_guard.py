"""Stops a fit whose loss is no longer a number, before a checkpoint of it is written."""

from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from lightning_imb.utils.errors import InputError


class NanGuard(Callback):
    """Remembers on the device the first batch with a loss that is not finite and stops the fit there.

    Looking at the memory costs a wait for the device, so that happens every ``every`` batches and at the end of
    each epoch, before validation and before any checkpoint is written.

    Args:
        every: Batches between two looks, >= 1.
    """

    def __init__(self, every: int) -> None:
        self.every = every
        self._first_bad: Tensor | None = None

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget the epoch before."""
        self._first_bad = torch.full((), -1, device=pl_module.device)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note whether this loss is finite; look every ``every`` batches and at the last one.

        Raises:
            InputError: If a loss was not finite; names its epoch and batch.
        """
        assert self._first_bad is not None
        bad = ~torch.isfinite(outputs["loss"]) & (self._first_bad < 0)
        self._first_bad = torch.where(bad, batch_idx, self._first_bad)
        if (batch_idx + 1) % self.every == 0 or batch_idx + 1 == trainer.num_training_batches:
            self._look(trainer)

    def _look(self, trainer: Trainer) -> None:
        assert self._first_bad is not None
        first = int(self._first_bad)
        if first >= 0:
            raise InputError(
                f"the loss became NaN or infinite in epoch {trainer.current_epoch}, batch {first}; the checkpoints of "
                "the epochs before are kept: lower optimizer.lr (or retrain.optimizer.lr), or use full precision"
            )
