"""What a model of numbers scored on the test set, against constants, and where that ends."""

import math
from collections.abc import Sequence
from typing import Any

from lightning_imb.reports.captions import WARNING
from lightning_imb.reports.cells import MISSING, TEST, score_text
from lightning_imb.reports.collect import RunRecord
from lightning_imb.reports.model_card.markdown import plain, table
from lightning_imb.reports.model_card.sentences import FEW, one_seed, some
from lightning_imb.reports.regression.read import CONSTANT_BINS
from lightning_imb.reports.regression.yardsticks import yardsticks_of_run

_ERRORS = ("mse", "rmse", "mae")
_ALONE = {
    "r2": "R² (share of the variance explained)",
    "pearson": "correlation (Pearson)",
    "mse_balanced": "MSE, mean over the bins",
    "mse_many": "MSE of bins with more than 100 training samples",
    "mse_medium": "MSE of bins with 20 to 100",
    "mse_few": "MSE of bins with 1 to 19",
    "mse_zero": "MSE of bins without any",
}


def errors_table(record: RunRecord) -> str:
    """Errors of the model beside those of what no network said."""
    metrics = [f"{TEST}{name}" for name in _ERRORS]
    model = ["this model", *(score_text(record.score(name), "regression") for name in metrics)]
    others = [[plain(yardstick.name), *yardstick.cells(metrics)] for yardstick in yardsticks_of_run(record.metrics)]
    return table(["on the test set", "MSE", "RMSE", "MAE"], [model, *others])


def further_table(record: RunRecord) -> str:
    """Other scores of the model."""
    rows = [
        [title, score_text(value, "regression")]
        for name, title in _ALONE.items()
        if (value := record.score(f"{TEST}{name}")) is not None
    ]
    return table(["score", "value"], rows)


def bins_table(record: RunRecord, shown: Sequence[int]) -> str:
    """Errors by bin of the true target.

    Args:
        record: The run.
        shown: Which bins.
    """
    counts = record.metrics["class_counts"]
    errors = [_per_bin(record, f"{TEST}bin_{name}") for name in ("mse", "mae", "bias")]
    columns = [record.metrics["class_names"], counts["train"], counts["test"], *errors, _per_bin(record, CONSTANT_BINS)]
    rows = [
        [plain(name), f"{train:,}", f"{test:,}", *(_cell(value) for value in values)]
        for name, train, test, *values in (tuple(column[b] for column in columns) for b in shown)
    ]
    titles = ["bin", "training samples", "test samples", "MSE", "MAE", "bias", "MSE of the training mean"]
    return table(titles, rows)


def number_limits(record: RunRecord) -> list[str]:
    """Sentences, those first that weigh most."""
    counts, names = record.train_counts, record.metrics["class_names"]
    own, constant = _per_bin(record, f"{TEST}bin_mse"), _per_bin(record, CONSTANT_BINS)
    worse = [b for b in range(len(counts)) if None not in (own[b], constant[b]) and own[b] >= constant[b]]
    none = [b for b, n in enumerate(counts) if not n]
    few = [b for b, n in enumerate(counts) if 0 < n < FEW]
    bins = [
        ("in which the mean of the training targets, a constant, errs no more than this model", worse),
        ("without a training sample: the model extrapolates", none),
        (f"with 1 to {FEW - 1} training samples", few),
    ]
    found = [
        WARNING if record.metrics.get("selected_on") == "test" else "",
        *(some("bin", what, [names[b] for b in which]) for what, which in bins),
        one_seed(record),
        "It gives a number for every image, also for one that shows nothing of the kind, and no interval around it.",
    ]
    return [sentence for sentence in found if sentence]


def _per_bin(record: RunRecord, name: str) -> list[Any]:
    """(B,) of ``metrics.json``, None throughout where it has none."""
    values: list[Any] = record.metrics.get(name) or [None] * len(record.train_counts)
    return values


def _cell(value: float | None) -> str:
    return MISSING if value is None or math.isnan(value) else score_text(value, "regression")
