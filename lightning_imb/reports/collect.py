"""Finding the finished runs below a folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_imb.runs import RunFolder
from lightning_imb.utils.errors import InputError


@dataclass(frozen=True)
class RunRecord:
    """What a table needs to know of one finished run.

    Attributes:
        path: The run folder.
        metrics: ``metrics.json``.
        settings: ``config.yaml`` as one flat dict, ``{"imbalance.ratio": 100, ...}``.
    """

    path: Path
    metrics: dict[str, Any]
    settings: dict[str, Any]

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return int(self.metrics["seed"])

    @property
    def protocol(self) -> str:
        """How the reported epoch was chosen."""
        return str(self.metrics["protocol"])

    @property
    def train_counts(self) -> list[int]:
        """(K,) training images per class."""
        return list(self.metrics["class_counts"]["train"])

    def label(self, key: str) -> str:
        """Text of one setting, such as ``method``, ``imbalance.ratio`` or ``dataset`` (its name).

        Raises:
            InputError: The run has no such setting.
        """
        for source, name in ((self.metrics, key), (self.settings, key), (self.settings, f"{key}.name")):
            value = source.get(name)
            if value is not None and not isinstance(value, dict | list):
                return str(value)
        raise InputError(
            f"The run {self.path} has no setting {key!r} to make rows of: "
            "use method, protocol or a key of config.yaml such as imbalance.ratio."
        )


def collect(root: str | Path) -> list[RunRecord]:
    """Read all finished runs below a folder, in the order of their paths.

    Args:
        root: A sweep folder, or any folder above run folders.

    Raises:
        InputError: The folder does not exist, holds no finished run, or one of them is damaged.
    """
    folder = Path(root)
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}: give the folder of a sweep, sweep=logs/sweeps/<name>.")
    found = sorted(path.parent for path in folder.rglob("metrics.json") if (path.parent / "config.yaml").is_file())
    if not found:
        raise InputError(
            f"There is no finished run below {folder} ({count_unfinished(folder)} unfinished): "
            "launch the same imb-train command again to finish them."
        )
    return [_read(RunFolder.open_finished(path)) for path in found]


def count_unfinished(root: str | Path) -> int:
    """Count the runs below a folder that have started and not finished."""
    runs = [RunFolder(path.parent) for path in Path(root).rglob("config.yaml") if path.parent.name != ".hydra"]
    return sum(not run.finished for run in runs)


def _read(run: RunFolder) -> RunRecord:
    metrics = run.read_metrics()
    missing = [key for key in ("method", "seed", "protocol", "class_counts", "class_names") if key not in metrics]
    if missing:
        raise InputError(f"{run.metrics_file} lacks {', '.join(missing)}: train the run again.")
    return RunRecord(run.path, metrics, run.read_settings())
