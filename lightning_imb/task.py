"""Whether a run learns classes or numbers, and what it knows of the training targets before it begins."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from omegaconf import DictConfig

from lightning_imb.data.datamodule import ImbalancedDataModule
from lightning_imb.data.numeric import TASKS
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.target_bins import TargetBins, TargetSample

# what epochs can be chosen by; the first one is chosen by unless told otherwise
CLASS_SCORES = ("bacc", "top1", "gmean", "gmean_macro", "macro_f1")
ERRORS = ("mse", "mae", "rmse", "gm", "mse_balanced", "mae_balanced")

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


def monitored_score(cfg: DictConfig) -> str:
    """The score that epochs are chosen by: ``protocol.monitor``, or what its ``auto`` means."""
    monitor = str(cfg.protocol.monitor)
    if monitor != "auto":
        return monitor
    return ERRORS[0] if is_regression(cfg) else CLASS_SCORES[0]


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
