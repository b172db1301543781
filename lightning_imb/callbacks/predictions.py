"""Collects what a network predicts in a test run."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import Callback, LightningModule, Trainer
from torch import Tensor

from lightning_imb.callbacks.exchange import gather_rows
from lightning_imb.data.ordered import OrderedBatches


class CollectPredictions(Callback):
    """Keeps outputs (N, K) and targets (N,) of the last test run, in the order of the test set.

    With several processes every one of them ends up with the rows of all.
    """

    def __init__(self) -> None:
        self._logits: list[Tensor] = []
        self._targets: list[Tensor] = []

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget the run before."""
        self._logits, self._targets = [], []

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Keep what ``test_step`` returned."""
        self._logits.append(outputs["logits"].cpu())
        self._targets.append(outputs["target"].cpu())

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Bring the rows of all processes together."""
        batches = getattr(trainer.test_dataloaders, "sampler", None)
        assert isinstance(batches, OrderedBatches), "the data module serves the test set in order"
        self._logits = [gather_rows(torch.cat(self._logits), batches, pl_module.device)]
        self._targets = [gather_rows(torch.cat(self._targets), batches, pl_module.device)]

    @property
    def logits(self) -> NDArray[np.float32]:
        """(N, K) logits, or (N, 1) numbers."""
        return torch.cat(self._logits).numpy()

    @property
    def targets(self) -> NDArray[Any]:
        """(N,) int64 classes, or float32 numbers."""
        return torch.cat(self._targets).numpy()
