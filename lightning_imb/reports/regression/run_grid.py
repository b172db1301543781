"""The closing table of one regression."""

from collections.abc import Mapping, Sequence
from typing import Any

from lightning_imb.reports.captions import WARNING
from lightning_imb.reports.cells import PHASE_1, TEST, score_text, shown_classes
from lightning_imb.reports.digits import significant
from lightning_imb.reports.grid import Grid
from lightning_imb.reports.regression.yardsticks import yardstick_of, yardsticks_of_run

BESIDE = {"MAE": "bin_mae", "bias": "bin_bias"}  # columns beside the MSE of each bin, of the final model


def regression_run_grid(metrics: Mapping[str, Any]) -> Grid:
    """Sum up one run: errors of each bin, then the scores, phase 1 beside the final model, then the yardsticks.

    Above 20 bins the ten with the most and the ten with the fewest training samples are listed.

    Args:
        metrics: ``metrics.json``. Without ``represent/test/...`` there is one column of results. ``scored`` names the
            samples when they are not those of the test set.
    """
    stages = {PHASE_1: "phase 1", TEST: "final"}
    prefixes = [prefix for prefix in stages if f"{prefix}bin_mse" in metrics]
    counts = metrics["class_counts"]["train"]
    bins = _bins(metrics, prefixes)
    scores = _scores(metrics, prefixes)
    blank = ("",) * (len(prefixes) - 1)
    yardsticks = [
        (yardstick.name, "", *blank, *yardstick.cells((f"{TEST}mse", f"{TEST}mae")), "")
        for yardstick in yardsticks_of_run(metrics)
    ]
    remarks = (
        metrics.get("scored", "test set"),
        f"target: {metrics['target']}",
        f"{len(counts) - len(bins)} bins stand in metrics.json alone" if len(bins) < len(counts) else "",
        "bins and constants: MSE, beside it MAE and bias (mean of prediction - target) of the final model",
        _verdict(metrics),
    )
    return Grid(
        title=f"{metrics['method']}, seed {metrics['seed']}: {metrics['protocol']}",
        header=("MSE per bin, scores", "n_train", *(stages[prefix] for prefix in prefixes), *BESIDE),
        rows=tuple(bins + scores + yardsticks),
        caption="; ".join(remark for remark in remarks if remark),
        warning=WARNING if metrics.get("selected_on") == "test" else "",
        breaks=frozenset({len(bins) - 1, len(bins) + len(scores) - 1}),
    )


def _bins(metrics: Mapping[str, Any], prefixes: Sequence[str]) -> list[tuple[str, ...]]:
    """Bins keep the order of the targets, whichever are shown."""
    counts = metrics["class_counts"]["train"]
    columns = [metrics[f"{prefix}bin_mse"] for prefix in prefixes] + [metrics[TEST + key] for key in BESIDE.values()]
    return [
        (metrics["class_names"][k], f"{counts[k]:,}", *(score_text(column[k], "regression") for column in columns))
        for k in sorted(shown_classes(counts))
    ]


def _scores(metrics: Mapping[str, Any], prefixes: Sequence[str]) -> list[tuple[str, ...]]:
    names = [key.removeprefix(TEST) for key in metrics if key.startswith(TEST) and not isinstance(metrics[key], list)]
    return [
        (name, "", *(score_text(metrics.get(prefix + name), "regression") for prefix in prefixes), "", "")
        for name in names
        if "/" not in name  # yardsticks stand in lines of their own
    ]


def _verdict(metrics: Mapping[str, Any]) -> str:
    mse, constant = (metrics.get(key) for key in (f"{TEST}mse", yardstick_of(f"{TEST}mse")))
    if mse is None or constant is None:
        return ""
    beats = "beats" if mse < constant else "does NOT beat"
    return f"the run {beats} the constant of the training mean (MSE {significant(mse)} against {significant(constant)})"
