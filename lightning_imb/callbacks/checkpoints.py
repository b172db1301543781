"""The two checkpoints of a fit: the epoch the protocol selects, and the one a stopped run goes on from."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint

Record = Callable[[Mapping[str, float], int], None]
_PATHS = ("best_model_path", "kth_best_model_path", "last_model_path")


class MovableCheckpoint(ModelCheckpoint):
    """A ``ModelCheckpoint`` whose run folder may have been moved or copied since it was saved.

    Lightning forgets the best score when the folder has another name, and the first epoch after a resume would
    overwrite ``best.ckpt`` however bad it is.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over scores and paths, the paths as those of this folder."""
        moved = {name: self._here(state_dict[name]) for name in _PATHS if name in state_dict}
        models = {self._here(path): score for path, score in state_dict.get("best_k_models", {}).items()}
        super().load_state_dict(state_dict | moved | {"dirpath": self.dirpath, "best_k_models": models})

    def _here(self, path: str) -> str:
        assert self.dirpath is not None
        return str(Path(self.dirpath) / Path(path).name) if path else path


class BestCheckpoint(MovableCheckpoint):
    """Writes ``best.ckpt`` whenever the monitored score is better than ever.

    Args:
        folder: Where it goes.
        monitor: Name of the score.
        mode: ``max``, or ``min`` for errors.
    """

    def __init__(self, folder: Path, monitor: str, mode: Literal["max", "min"]) -> None:
        super().__init__(
            folder.absolute(), "best", monitor=monitor, mode=mode, save_top_k=1, enable_version_counter=False
        )


class LastCheckpoint(MovableCheckpoint):
    """Writes ``last.ckpt`` at the end of every epoch, after the epoch's training metrics are on disk.

    Lightning logs the training metrics of an epoch only after its checkpoints: a run killed in between would
    resume at the next epoch and never log this one.

    Args:
        folder: Where ``last.ckpt`` goes.
        record: Writes metrics, with their step, to disk; what it gets it will get once more from Lightning.
    """

    def __init__(self, folder: Path, record: Record) -> None:
        super().__init__(
            folder.absolute(), "last", save_top_k=1, save_on_train_epoch_end=True, enable_version_counter=False
        )
        self.record = record

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Forget what epochs before have measured: Lightning keeps the last value of what not every epoch logs."""
        for name in filter(_of_the_epoch, list(trainer.callback_metrics)):
            del trainer.callback_metrics[name]

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Record the epoch, then save."""
        found = {name: float(value) for name, value in trainer.callback_metrics.items() if _of_the_epoch(name)}
        self.record(found | {"epoch": trainer.current_epoch}, trainer.global_step - 1)
        super().on_train_epoch_end(trainer, pl_module)


def _of_the_epoch(name: str) -> bool:
    """Whether a metric is one that only the end of a training epoch knows."""
    return "train/" in name or name.startswith("diagnostics/")
