"""Whether a run learns classes or numbers, and what it knows of the training targets before it begins."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from omegaconf import DictConfig

from lightning_imb.data.datamodule import ImbalancedDataModule
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.target_bins import TargetBins, TargetSample

TASKS = ("classification", "regression")

Known = Sequence[int] | TargetSample
"""Training images per class (K,); or the training targets, where these are numbers."""


def is_regression(cfg: DictConfig) -> bool:
    """Whether the targets of a training config are numbers.

    Raises:
        InputError: If ``dataset.task`` is neither of the two.
    """
    task = cfg.dataset.get("task", TASKS[0])  # runs of earlier versions knew classes only
    if task not in TASKS:
        raise InputError(f"dataset.task must be one of {', '.join(TASKS)}, not '{task}'")
    return bool(task == "regression")


def known_targets(data: ImbalancedDataModule) -> Known:
    """What the data, set up, tell of the training targets."""
    return data.class_counts if data.bins is None else data.training_targets


def recorded_targets(described: Mapping[str, Any]) -> Known:
    """What ``data.json`` tells of the training targets: of numbers only how many each bin has, put at its middle.

    Enough to build the network of a finished run, which trains no more.

    Args:
        described: The content of ``data.json``.
    """
    counts: list[int] = described["class_counts"]["train"]
    edges = described.get("bin_edges")
    if edges is None:
        return counts
    bins = TargetBins(tuple(edges))
    return TargetSample(np.repeat(bins.centres, counts), bins)
