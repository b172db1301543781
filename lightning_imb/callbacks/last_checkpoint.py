"""The checkpoint a killed run goes on from, and the record of the epoch it belongs to."""

from collections.abc import Callable, Mapping
from pathlib import Path

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint

Record = Callable[[Mapping[str, float], int], None]


class LastCheckpoint(ModelCheckpoint):
    """Writes ``last.ckpt`` at the end of every epoch, after the epoch's training metrics are on disk.

    Lightning logs the training metrics of an epoch only after its checkpoints: a run killed in between would
    resume at the next epoch and never log this one.

    Args:
        folder: Where ``last.ckpt`` goes.
        record: Writes metrics, with their step, to disk; what it gets it will get once more from Lightning.
    """

    def __init__(self, folder: Path, record: Record) -> None:
        super().__init__(folder, "last", save_top_k=1, save_on_train_epoch_end=True, enable_version_counter=False)
        self.record = record

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record the epoch, then save."""
        metrics = {name: float(value) for name, value in trainer.callback_metrics.items() if "train/" in name}
        self.record(metrics | {"epoch": trainer.current_epoch}, trainer.global_step - 1)
        super().on_train_epoch_end(trainer, pl_module)
