"""Stops a fit whose loss is no longer a number, before a checkpoint of it is written."""

from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from lightning_imb.phases import Phase
from lightning_imb.utils.errors import InputError


class NanGuard(Callback):
    """Remembers on the device the first batch with a loss that is not finite and stops the fit there.

    Looking at the memory costs a wait for the device, so that happens every ``every`` batches and at the end of
    each epoch, before validation and before any checkpoint is written. At the end of an epoch the weights are
    looked at too: the last step may have broken them after a loss that was still a number.

    Several processes look at the same batches and tell each other what they saw, so that all of them stop; the first
    one says why.

    Args:
        every: Batches between two looks, >= 1.
    """

    def __init__(self, every: int) -> None:
        self.every = every
        self._seen = self._looked = 0
        self._first_bad: Tensor | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget an earlier fit; in one that goes on in mid-epoch no epoch starts."""
        self.on_train_epoch_start(trainer, pl_module)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget the epoch before."""
        self._seen = self._looked = 0
        self._first_bad = torch.full((), -1, device=pl_module.device)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note whether these losses are finite; look every ``every`` batches and at the last one.

        Raises:
            InputError: If a loss was not finite, or the weights of the epoch's end are not; names epoch and batch.
            SystemExit: In its place in all processes but the first, which would only say the same again.
        """
        assert self._first_bad is not None
        losses = outputs.get("losses", outputs["loss"].detach().unsqueeze(0))  # of the batches of this call
        bad = ~torch.isfinite(losses)
        last = batch_idx + 1 == trainer.num_training_batches
        if last:
            bad[-1] |= ~_finite_weights(pl_module)
        first = self._seen + bad.int().argmax()
        self._first_bad = torch.where(bad.any() & (self._first_bad < 0), first, self._first_bad)
        self._seen += len(losses)
        if last or self._seen - self._looked >= self.every:
            self._looked = self._seen
            self._look(trainer, pl_module)

    def _look(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert self._first_bad is not None
        first = _first_of_all(self._first_bad, trainer)
        if first < 0:
            return
        if not trainer.is_global_zero:
            raise SystemExit(0)  # any other code, and Lightning kills the first process before it has spoken
        prefix = "retrain." if getattr(pl_module, "phase", None) is Phase.RETRAIN else ""
        raise InputError(
            f"the loss or the weights became NaN or infinite in {'phase 3, ' if prefix else ''}"
            f"epoch {trainer.current_epoch}, batch {first} (counted from 0); {_kept(trainer.current_epoch)}: "
            f"lower {prefix}optimizer.lr{_or_precision(trainer, prefix)}"
        )


def _first_of_all(first_bad: Tensor, trainer: Trainer) -> int:
    """The first bad batch that any process saw; -1 for none."""
    if trainer.world_size == 1:
        return int(first_bad)
    none = torch.iinfo(first_bad.dtype).max
    first = int(trainer.strategy.reduce(torch.where(first_bad < 0, none, first_bad), reduce_op="min"))
    return -1 if first == none else first


def _finite_weights(module: LightningModule) -> Tensor:
    """Whether all that a checkpoint would hold is finite, as a tensor on the device."""
    values = [v for v in module.state_dict().values() if v.is_floating_point()]
    return torch.stack([torch.isfinite(value).all() for value in values]).all()


def _or_precision(trainer: Trainer, prefix: str) -> str:
    """The cure that helps where half precision is in use, which it never is in phase 3."""
    half = not prefix and trainer.precision != "32-true"
    return ", or use accelerator.precision=32-true" if half else ""


def _kept(epoch: int) -> str:
    if epoch == 0:
        return "no epoch of this phase was finished, so it left no checkpoint"
    return f"the checkpoints up to epoch {epoch - 1} are kept"
