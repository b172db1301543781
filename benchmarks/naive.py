"""Training as a first Lightning module does it: a loader of single images, metrics and logging in every step."""

from typing import Any

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from pytorch_lightning.loggers import CSVLogger
from torch import Tensor
from torch.utils.data import DataLoader
from torchmetrics.classification import MulticlassAccuracy

from benchmarks.case import Settings
from benchmarks.data import long_tail, read_images
from benchmarks.peer_network import PeerNet
from benchmarks.peers import BATCH, PeerImages


class NaiveModule(pl.LightningModule):
    """Network, loss, one metric, everything logged on every step.

    Args:
        net: Maps inputs to logits (N, 10).
    """

    def __init__(self, net: torch.nn.Module) -> None:
        super().__init__()
        self.net = net
        self.accuracy = MulticlassAccuracy(num_classes=10)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Loss of a batch, logged with the accuracy of the batch."""
        inputs, target = batch
        logits = self.net(inputs)
        loss = F.cross_entropy(logits, target)
        self.log("train/loss", loss, on_step=True, on_epoch=True)
        self.log("train/acc", self.accuracy(logits, target), on_step=True, on_epoch=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """SGD of the published recipe."""
        return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9, weight_decay=2e-4)


class QuietModule(NaiveModule):
    """The same with nothing but the loss of the epoch logged: what a careful user would write."""

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        """Loss of a batch."""
        inputs, target = batch
        loss = F.cross_entropy(self.net(inputs), target)
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        return loss


def naive_trainer(settings: Settings, epochs: int, callbacks: list[pl.Callback]) -> pl.Trainer:
    """A trainer with a csv logger; the bar and the summary are off, as on a machine without a terminal."""
    return pl.Trainer(
        accelerator=settings.accelerator,
        devices=1,
        max_epochs=epochs,
        callbacks=callbacks,
        logger=CSVLogger(settings.scratch, name="naive"),
        default_root_dir=settings.scratch,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def naive_image_fit(settings: Settings, epochs: int, callbacks: list[pl.Callback], workers: int) -> None:
    """Fit the published network on the published long tail."""
    images, labels = read_images(settings.data, "train")
    rows = long_tail(settings, labels)
    loader = DataLoader(PeerImages(images[rows], labels[rows], train=True), BATCH, shuffle=True, num_workers=workers)
    module = NaiveModule(PeerNet(settings.size(32, 8)))
    naive_trainer(settings, epochs, callbacks).fit(module, loader)
