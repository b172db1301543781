"""Class weights as a stateless function of the epoch."""

from pytorch_lightning import Callback, LightningModule, Trainer

from lightning_imb.losses import drw_weights
from lightning_imb.models.classifier import ImbalancedClassifier
from lightning_imb.utils.checked import start_of


class Reweighting(Callback):
    """Re-weights the loss from an epoch on; before it every class weighs one.

    With ``kind="effective"`` from epoch 0 this is Cui et al. 2019 (class-balanced loss), from 80 % of the epochs
    on it is Cao et al. 2019 (LDAM-DRW, algorithm 1). Applied anew at every epoch start, so a resumed run is right.

    Args:
        kind: Weights of ``losses.class_weights``: ``inverse`` (or ``auto``), ``inverse_sqrt`` or ``effective``.
        beta: Of the effective number, in [0, 1].
        start: First re-weighted epoch, 0-based; a float is a share of the epochs.
    """

    def __init__(self, kind: str, beta: float, start: int | float) -> None:
        self.kind = kind
        self.beta = beta
        self.start = start

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Set the weights of a fit that goes on in mid-epoch, where no epoch starts."""
        self.on_train_epoch_start(trainer, pl_module)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Set the weights of this epoch."""
        assert isinstance(pl_module, ImbalancedClassifier)
        self.weigh(pl_module, trainer.current_epoch, trainer.max_epochs or 1)

    def weigh(self, model: ImbalancedClassifier, epoch: int, epochs: int) -> None:
        """Give a loss the weights of an epoch, 0-based, of so many."""
        start = start_of("reweight.start", self.start, epochs)
        model.loss.set_class_weight(drw_weights(model.class_counts, epoch, start, self.beta, self.kind))
