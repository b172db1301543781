"""The yaml that a model card begins with, as catalogues of models read it."""

from typing import Any

import yaml

from lightning_imb.reports.cells import TEST
from lightning_imb.reports.collect import RunRecord
from lightning_imb.reports.model_card.facts import dataset_name

_CLASSES = {"top1": "accuracy", "bacc": "balanced_accuracy", "macro_f1": "f1", "auroc": "roc_auc"}
_NUMBERS = {"mse": "mse", "mae": "mae", "r2": "r_squared"}


def front_matter(record: RunRecord) -> str:
    """Tags, metrics and results of a run; the licence is left to the author.

    Source:
        Form: the model cards of the Hugging Face hub, metadata ``model-index``.
    """
    task = "image-regression" if record.regression else "image-classification"
    named = _NUMBERS if record.regression else _CLASSES
    scores = {name: value for name in named if (value := record.score(f"{TEST}{name}")) is not None}
    method = str(record.metrics["method"])
    found: dict[str, Any] = {
        "library_name": "lightning_imb",
        "pipeline_tag": task,
        "tags": [task, "imbalanced", "long-tailed", method],
        "metrics": [named[name] for name in scores],
        "model-index": [{"name": f"{method} on {dataset_name(record)}", "results": [_results(record, task, scores)]}],
    }
    if record.regression:
        del found["pipeline_tag"]  # catalogues know none for numbers
    text: str = yaml.safe_dump(found, sort_keys=False, allow_unicode=True)
    return text


def _results(record: RunRecord, task: str, scores: dict[str, float]) -> dict[str, Any]:
    named = _NUMBERS if record.regression else _CLASSES
    return {
        "task": {"type": task},
        "dataset": {"type": str(record.metrics["dataset"]), "name": dataset_name(record), "split": "test"},
        "metrics": [{"type": named[name], "name": f"{TEST}{name}", "value": value} for name, value in scores.items()],
    }
