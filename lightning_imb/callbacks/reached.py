"""How many samples of each class reach the loss, epoch by epoch."""

from pytorch_lightning import Callback, LightningModule, Trainer

from lightning_imb.callbacks.phase_switch import datamodule_of, phased_of
from lightning_imb.data.sampling import expected_counts


class DrawnCounts(Callback):
    """Tells the classifier what the data module draws, anew at every epoch start, so a resumed run is right.

    A deferred sampler draws otherwise late than early, and a checkpoint belongs to the draws of its epoch.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count for a fit that goes on in mid-epoch, where no epoch starts."""
        self.on_train_epoch_start(trainer, pl_module)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count for this epoch."""
        model, data = phased_of(pl_module), datamodule_of(trainer)
        target, classes = data.target("train"), len(model.class_counts)
        model.note_reached(expected_counts(data.draw, target, classes, trainer.current_epoch))
