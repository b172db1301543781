"""What figures of regressions are drawn from: lists of ``metrics.json`` as arrays."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lightning_imb.reports.cells import TEST
from lightning_imb.reports.regression.errors_figure import BinErrors, Floats
from lightning_imb.reports.regression.yardsticks import BASELINE

CONSTANT_BINS, FLOOR, FLOOR_BINS = (
    f"{BASELINE}{name}" for name in ("train_mean_bin_mse", "noise_floor_mse", "noise_floor_bin_mse")
)


def bin_errors(runs: Sequence[Mapping[str, Any]], prefix: str = TEST) -> BinErrors:
    """Errors by bin of runs that share the bins.

    Args:
        runs: ``metrics.json`` of each, at least one with ``<prefix>bin_mse``; the others are left out.
        prefix: The stage, ``test/`` or ``represent/test/``.
    """
    scored = [run for run in runs if f"{prefix}bin_mse" in run]
    return BinErrors(
        mse=_rows([run[f"{prefix}bin_mse"] for run in scored]),
        train=_rows([run["class_counts"]["train"] for run in scored]),
        constant=_rows([run[CONSTANT_BINS] for run in scored if CONSTANT_BINS in run]),
    )


def noise_floor(runs: Sequence[Mapping[str, Any]]) -> dict[str, list[float | None]]:
    """(B,) noise floor of each bin, of the first run that knows it, by its name; empty where none does.

    Where the mean over the test set is all that is known, every bin has it, and the name says so.
    """
    for run in runs:
        if run.get(FLOOR_BINS) is not None:
            return {"noise floor": list(run[FLOOR_BINS])}
        if run.get(FLOOR) is not None:
            return {"noise floor, mean over all bins": [run[FLOOR]] * len(run["class_names"])}
    return {}


def _rows(lists: Sequence[Sequence[float | None]]) -> Floats:
    """(R, B); None becomes NaN."""
    return np.array(lists, dtype=np.float64)
