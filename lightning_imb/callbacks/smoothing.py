"""Statistics for feature distribution smoothing (FDS), taken after every epoch."""

from pytorch_lightning import Callback, LightningModule, Trainer

from lightning_imb.callbacks.phase_switch import datamodule_of, extract
from lightning_imb.models.regressor import ImbalancedRegressor


class SmoothFeatures(Callback):
    """Shows the whole training set to the ``smoothing`` of a regressor at the end of every epoch of phase 1.

    Yang et al. 2021 (arXiv 2102.09554), section 3.2. The features are raw and in evaluation mode, of images without
    augmentation, each once whatever the sampler draws; the released code takes them in training mode and of augmented
    images. Of several processes each embeds its share, and all of them learn the same statistics. They are part of
    the module and thus of its checkpoints, so that a resumed fit goes on with them. A regressor without ``smoothing``
    is left alone.
    """

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Embed the training set and update; checkpoints of the epoch are written afterwards."""
        assert isinstance(pl_module, ImbalancedRegressor)
        if pl_module.smoothing is not None:
            precision = trainer.precision_plugin.forward_context
            pl_module.smoothing.update(*extract(pl_module, datamodule_of(trainer), "train", precision))
