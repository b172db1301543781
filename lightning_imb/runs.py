"""The run folder: the one contract between training, evaluation and reporting."""

import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from omegaconf import DictConfig, OmegaConf
from yaml import YAMLError

from lightning_imb.phases import Phase
from lightning_imb.settings import flat_settings
from lightning_imb.utils.atomic import atomic_file, remove_drafts, write_json_atomic, write_text_atomic
from lightning_imb.utils.environment import first_process
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.lock import locked

ANALYSES, FINDINGS = "analysis", "result.json"  # folder of analyses, of a run or a sweep; the done marker of each
SUPERSEDED = ".superseded"  # in a run folder: earlier runs with other settings
_STAYS = (SUPERSEDED, ".hydra", ".lock", ".launches.lock", "train.log", "launches.json")

PredictionName = Literal["test", "represent_test", "before_posthoc_test", "val"]
CheckpointKind = Literal["best", "last", "previous"]


class Predictions(NamedTuple):
    """What a network said about one split.

    Attributes:
        logits: (N, K) float32; of a regression (N, 1), the predicted numbers.
        targets: (N,) int64 in 0..K-1; of a regression float32.
    """

    logits: np.ndarray
    targets: np.ndarray


class RunFolder:
    """One run on disk. ``metrics.json`` is written last: its presence means that the run is done.

    Args:
        path: The folder. The constructor touches nothing on disk; see :meth:`create` and
            :meth:`open_finished`.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @classmethod
    def create(cls, path: str | Path) -> "RunFolder":
        """Make the folder, or take over the one of an interrupted run.

        Raises:
            InputError: The folder cannot be made or written to.
        """
        run = cls(path)
        try:
            run.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=run.path):  # no name that all processes of a run would share
                pass
        except OSError as error:
            raise InputError(
                f"The run folder {run.path} cannot be written to ({error.strerror}): "
                "choose another one with hydra.run.dir=<folder>."
            ) from error
        return run

    @classmethod
    def open_finished(cls, path: str | Path) -> "RunFolder":
        """Open the folder of a run that is done.

        Raises:
            InputError: There is no run in the folder, or it has not finished.
        """
        run = cls(path)
        if not run.config_file.is_file():
            raise InputError(
                f"{run.path} is not a run folder (no config.yaml in it): give the folder that imb-train printed."
            )
        if not run.finished:
            raise InputError(
                f"The run in {run.path} has not finished (no metrics.json in it): "
                "launch the same imb-train command again to resume it."
            )
        return run

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Keep other launches off the folder, and clear away what a killed one left half written.

        Of several processes of one run the first one claims it for all.

        Raises:
            InputError: Another process is training this run.
        """

        def refuse() -> None:
            raise InputError(
                f"another process is training the run in {self.path} at this moment: "
                "wait for it, or choose another hydra.run.dir"
            )

        if not first_process():
            yield
            return
        with locked(self.path / ".lock", refuse) as held:
            if held:
                self._clear_away()
            yield

    def _clear_away(self) -> None:
        """Delete the drafts of a training that was killed.

        Those in other places may be alive: evaluations, exports, analyses and the record of launches do without the
        lock of the run, and another run may have its folder inside this one.
        """
        for file in (self.config_file, self.data_file, self.metrics_file):
            remove_drafts(self.path, file.name)
        for folder in (self.checkpoints, self.metrics_csv.parent, self.figures, self.predictions):
            remove_drafts(folder)

    def supersede(self) -> Path:
        """Move what the folder holds to ``.superseded/<number>/`` in it, and leave it free for another run.

        The done marker goes first and the config last: a crash in between leaves an unfinished run that the next launch
        still tells from its own. The log and the record of launches stay.

        Returns:
            Where the earlier run is now.
        """
        shelf = self.path / SUPERSEDED
        taken = [int(path.name) for path in shelf.glob("*") if path.name.isdigit()]
        place = shelf / str(max(taken, default=-1) + 1)
        place.mkdir(parents=True)
        entries = [path for path in self.path.iterdir() if path.name not in _STAYS]
        for path in sorted(entries, key=lambda path: (path != self.metrics_file, path == self.config_file)):
            path.rename(place / path.name)
        return place

    def superseded(self) -> list["RunFolder"]:
        """Earlier runs with other settings in this folder."""
        return [RunFolder(path) for path in sorted((self.path / SUPERSEDED).glob("*"))]

    @property
    def finished(self) -> bool:
        """Whether the run is done."""
        return self.metrics_file.is_file()

    @property
    def config_file(self) -> Path:
        """The resolved config."""
        return self.path / "config.yaml"

    @property
    def data_file(self) -> Path:
        """Class names, counts and statistics of the data."""
        return self.path / "data.json"

    @property
    def metrics_file(self) -> Path:
        """Scores and provenance; the done marker."""
        return self.path / "metrics.json"

    @property
    def metrics_csv(self) -> Path:
        """Metrics of every epoch of both phases."""
        return self.path / "csv" / "metrics.csv"

    @property
    def log_file(self) -> Path:
        """Log messages and errors of the run."""
        return self.path / "train.log"

    @property
    def figures(self) -> Path:
        """Folder of the figures."""
        return self.path / "figures"

    @property
    def predictions(self) -> Path:
        """Folder of the predictions."""
        return self.path / "predictions"

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints, with one folder per phase in it."""
        return self.path / "checkpoints"

    def checkpoint(self, phase: Phase, kind: CheckpointKind) -> Path:
        """File of one checkpoint of one phase."""
        return self.checkpoints / phase.value / f"{kind}.ckpt"

    def has_begun(self, phase: Phase) -> bool:
        """Whether a phase left a checkpoint to go on from."""
        return any(self.checkpoint(phase, kind).is_file() for kind in ("last", "previous"))

    def predictions_file(self, name: PredictionName) -> Path:
        """File of the final model's (``test``) or the phase-1 model's (``represent_test``) predictions."""
        return self.predictions / f"{name}.npz"

    def write_config(self, cfg: DictConfig) -> None:
        """Write the config with every interpolation resolved: ``${hydra:...}`` cannot be resolved later."""
        write_text_atomic(self.config_file, OmegaConf.to_yaml(cfg, resolve=True))

    def read_config(self) -> DictConfig:
        """Read the resolved config.

        Raises:
            InputError: The file is missing or is no mapping.
        """
        if not self.config_file.is_file():
            raise InputError(f"{self.path} is not a run folder: there is no config.yaml in it.")
        try:
            cfg = OmegaConf.load(self.config_file)
        except YAMLError as error:
            raise InputError(f"{self.config_file} is damaged (no yaml): train the run again.") from error
        if not isinstance(cfg, DictConfig):
            raise InputError(f"{self.config_file} is damaged (no mapping): train the run again.")
        return cfg

    def read_settings(self) -> dict[str, Any]:
        """Read the config as one flat dict, ``{"imbalance.ratio": 100, ...}``, lists as their text."""
        return flat_settings(self.read_config())

    def write_data(self, data: Mapping[str, Any]) -> None:
        """Write class names, counts per split, statistics, image size and fingerprint of the data."""
        write_json_atomic(self.data_file, data)

    def read_data(self) -> dict[str, Any]:
        """Read what :meth:`write_data` wrote.

        Raises:
            InputError: The file is missing or damaged.
        """
        return _read_json(self.data_file)

    def write_metrics(self, metrics: Mapping[str, Any]) -> None:
        """Write the scores. This is the last thing a run does: it marks the run as done."""
        write_json_atomic(self.metrics_file, metrics)

    def read_metrics(self) -> dict[str, Any]:
        """Read the scores.

        Raises:
            InputError: The file is missing or damaged.
        """
        return _read_json(self.metrics_file)

    def write_predictions(self, name: PredictionName, logits: np.ndarray, targets: np.ndarray) -> None:
        """Write predictions as ``logits`` (N, K) float32 and ``targets`` (N,), int64 classes or float32 numbers.

        Raises:
            ValueError: The shapes do not belong together.
        """
        if logits.ndim != 2 or targets.shape != logits.shape[:1]:
            raise ValueError(f"Expected (N, K) and (N,), got {logits.shape} and {targets.shape}.")
        with atomic_file(self.predictions_file(name)) as file:
            kind = np.float32 if np.issubdtype(targets.dtype, np.floating) else np.int64
            np.savez(file, logits=logits.astype(np.float32), targets=targets.astype(kind))

    def read_predictions(self, name: PredictionName) -> Predictions:
        """Read predictions.

        Raises:
            InputError: The file is missing or damaged.
        """
        path = self.predictions_file(name)
        if not path.is_file():
            raise InputError(f"There is no {path}: the run holds no such predictions; train it again.")
        try:
            with np.load(path) as arrays:
                return Predictions(arrays["logits"], arrays["targets"])
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise InputError(f"{path} is damaged ({error}): train the run again.") from error


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"There is no {path}: the run is not finished; launch the same imb-train again.")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is damaged ({error}): train the run again.") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} is damaged (no mapping): train the run again.")
    return value
