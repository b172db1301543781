"""Random numbers of a training step as a function of its batch."""

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from lightning_imb.data.batch import Batch

_OTHER_THAN_AUGMENTATION = 1  # which draws from a generator seeded with the key itself


class BatchSeed(Callback):
    """Seeds torch by the key of every training batch, so that dropout draws the same in a resumed run.

    A checkpoint holds no state of the random generators. The order of the images and their augmentation need
    none, being functions of (seed, epoch, batch); this makes layers that draw (dropout, stochastic depth)
    functions of them too.
    """

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int) -> None:
        """Seed the generators of all devices."""
        assert batch.key is not None
        torch.manual_seed(batch.key ^ _OTHER_THAN_AUGMENTATION)
