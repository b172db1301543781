"""Errors that no network made, to measure those of networks by: of constants, and the noise floor."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lightning_imb.reports.cells import MISSING, TEST
from lightning_imb.reports.collect import RunRecord, grouped
from lightning_imb.reports.differences import DATA_GROUPS, group_of
from lightning_imb.reports.digits import significant

BASELINE = f"{TEST}baseline/"
CONSTANT = "constant: training mean"
TRAIN_MEAN = "train_mean"
NO_RUN = "no run"

# What metrics.json calls a yardstick, and its name in tables.
NAMES = {
    TRAIN_MEAN: CONSTANT,
    "train_median": "constant: training median",
    "optimal": "constant: best on the test set",
    "noise_floor": "noise floor",
}
_OF_LAW = (TRAIN_MEAN, "train_median")  # the others are of the test set alone


@dataclass(frozen=True)
class Yardstick:
    """One of them.

    Attributes:
        name: What it is, and of which data where there are several.
        errors: Mean over the runs of each of its errors, ``{"mse": 6.75}``.
    """

    name: str
    errors: dict[str, float]

    def cells(self, metrics: Sequence[str]) -> tuple[str, ...]:
        """Its errors as text, a dash for every metric that it has not; only errors on the test set are of it."""
        found = {f"{TEST}{error}": significant(value) for error, value in self.errors.items()}
        return tuple(found.get(metric, MISSING) for metric in metrics)


def yardstick_of(metric: str, name: str = TRAIN_MEAN) -> str:
    """Name in ``metrics.json`` of a yardstick of a metric, ``test/baseline/train_mean_mse`` of ``test/mse``."""
    return f"{BASELINE}{name}_{metric.removeprefix(TEST)}"


def yardsticks_of_run(metrics: Mapping[str, Any]) -> tuple[Yardstick, ...]:
    """The yardsticks that one run has recorded.

    Args:
        metrics: ``metrics.json``.
    """
    found = [Yardstick(title, _errors([metrics], name)) for name, title in NAMES.items()]
    return tuple(yardstick for yardstick in found if yardstick.errors)


def yardsticks(records: Sequence[RunRecord], keys: Sequence[str]) -> tuple[Yardstick, ...]:
    """The yardsticks of several runs: constants once for every training law, the others once for every test set.

    Args:
        records: The runs.
        keys: What makes a row; those that choose the data name the law and the test set.
    """
    laws = [key for key in keys if group_of(key) in DATA_GROUPS]
    tests = [key for key in laws if group_of(key) == "dataset"]
    found = [
        Yardstick(f"{title} ({', '.join(labels)})" if labels else title, _errors([r.metrics for r in members], name))
        for name, title in NAMES.items()
        for labels, members in grouped(records, laws if name in _OF_LAW else tests).items()
    ]
    return tuple(yardstick for yardstick in found if yardstick.errors)


def _errors(runs: Sequence[Mapping[str, Any]], name: str) -> dict[str, float]:
    errors = {}
    for error in ("mse", "mae"):
        values = [value for run in runs if (value := run.get(yardstick_of(error, name))) is not None]
        if values:
            errors[error] = statistics.fmean(values)
    if "mse" in errors:
        errors["rmse"] = math.sqrt(errors["mse"])
    return errors
