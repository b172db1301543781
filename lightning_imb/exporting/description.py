"""What an exported file says of itself, so that it is enough for predictions."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig

from lightning_imb.runs import RunFolder
from lightning_imb.utils.environment import installed

KEY = "lightning_imb"
"""Name of the description among the metadata of a file."""
INPUT, LOGITS, NUMBERS = "images", "logits", "numbers"
"""Names of the input and of the one output of a file, of classes or of a regression."""
FORMAT = 1
"""Of the description: another number means other keys."""
_PACKAGE = "lightning-imb"


@dataclass(frozen=True)
class Description:
    """What has to be known of a network to predict with it, and where it comes from.

    Attributes:
        task: ``classification`` or ``regression``.
        class_names: (K,) in the order of the logits; of a regression, those of the bins in which errors are counted.
        target: What the numbers of a regression are called; None for classes.
        image_size: (C, H, W) of the images.
        pixels: Type of the images: ``uint8`` in 0..255, or ``float32`` for data that are no image files.
        dataset: Name of the training data.
        method: What the run was trained with.
        seed: Of the run.
        phase: The phase of the checkpoint, ``represent`` or ``retrain``.
        checkpoint: ``best`` or ``last``.
        precision: What the run computed with; a file computes in float32.
        config_hash: Of the run's settings, as in ``metrics.json``.
        fingerprint: Of the run's data, as in ``data.json``.
        version: Of the package that wrote the file.
    """

    task: str
    class_names: tuple[str, ...]
    target: str | None
    image_size: tuple[int, int, int]
    pixels: str
    dataset: str
    method: str
    seed: int
    phase: str
    checkpoint: str
    precision: str
    config_hash: str
    fingerprint: str
    version: str

    @property
    def regression(self) -> bool:
        """Whether numbers are predicted, and not classes."""
        return self.task == "regression"

    @property
    def output(self) -> str:
        """Name of the output."""
        return NUMBERS if self.regression else LOGITS

    def to_json(self) -> str:
        """The description as text."""
        return json.dumps({"format": FORMAT, **dataclasses.asdict(self)}, ensure_ascii=False)


def describe(run: RunFolder, cfg: DictConfig, phase: str, checkpoint: str) -> Description:
    """Describe one network of a finished run.

    Args:
        run: The run.
        cfg: Its config.
        phase: Of the checkpoint.
        checkpoint: ``best`` or ``last``.

    Raises:
        InputError: If a file of the run is missing or damaged.
    """
    data, metrics = run.read_data(), run.read_metrics()
    channels, height, width = data["image_size"]
    return Description(
        task=data.get("task", "classification"),
        class_names=tuple(str(name) for name in data["class_names"]),
        target=_target(data),
        image_size=(channels, height, width),
        pixels="float32" if data.get("real_inputs") else "uint8",
        dataset=str(data["dataset"]),
        method=str(metrics["method"]),
        seed=int(metrics["seed"]),
        phase=phase,
        checkpoint=checkpoint,
        precision=str(cfg.accelerator.precision),
        config_hash=str(metrics.get("config_hash", "")),
        fingerprint=str(data["fingerprint"]),
        version=installed((_PACKAGE,)).get(_PACKAGE, "unknown"),
    )


def _target(data: Mapping[str, Any]) -> str | None:
    return (data["target"] or "prediction") if data.get("task") == "regression" else None
