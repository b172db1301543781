"""What a classifier scored on the test set, as tables."""

from collections.abc import Sequence
from dataclasses import dataclass

from lightning_imb.reports.cells import MISSING, TEST, score_text
from lightning_imb.reports.collect import RunRecord
from lightning_imb.reports.model_card.intervals import Interval, wilson
from lightning_imb.reports.model_card.markdown import plain, table
from lightning_imb.reports.shift_figure import PREFIX

_OVERALL = {
    "top1": "accuracy (top-1)",
    "bacc": "balanced accuracy (mean recall)",
    "gmean": "geometric mean of the recalls",
    "macro_f1": "macro F1",
    "auroc": "AUROC (mean of one against the rest)",
    "ap": "average precision (mean of one against the rest)",
    "many": "mean recall of classes with more than 100 training images",
    "medium": "mean recall of classes with 20 to 100",
    "few": "mean recall of classes with fewer than 20",
    "ece": "expected calibration error (15 bins)",
    "mce": "maximum calibration error",
}


@dataclass(frozen=True)
class ClassScore:
    """One class on the test set.

    Attributes:
        name: Of the class.
        train: Its training images.
        support: Its test images.
        recall: Share of them that were recognised; None without any.
        interval: Of the recall; None without test images.
        auroc: Against the rest; None where not defined.
        ap: The same.
    """

    name: str
    train: int
    support: int
    recall: float | None
    interval: Interval | None
    auroc: float | None
    ap: float | None


def class_scores(record: RunRecord) -> list[ClassScore]:
    """Scores of every class, in class order."""
    metrics = record.metrics
    names: Sequence[str] = metrics["class_names"]
    recalls, support = metrics[f"{TEST}recall"], metrics["class_counts"]["test"]
    none = [None] * len(names)
    ranked = (metrics.get(f"{TEST}class_{name}", none) for name in ("auroc", "ap"))
    columns = (names, record.train_counts, support, recalls, *ranked)
    return [
        ClassScore(name, train, n, recall, _interval(recall, n), auroc, ap)
        for name, train, n, recall, auroc, ap in zip(*columns, strict=True)
    ]


def _interval(recall: float | None, support: int) -> Interval | None:
    return None if recall is None or not support else wilson(round(recall * support), support)


def overall_table(record: RunRecord) -> str:
    """Scores over all test images, with an interval of the accuracy."""
    support = sum(record.metrics["class_counts"]["test"])
    rows = [
        [title, score_text(value), str(_interval(value, support)) if name == "top1" else ""]
        for name, title in _OVERALL.items()
        if (value := record.score(f"{TEST}{name}")) is not None
    ]
    return table(["score", "value", "95 % interval"], rows)


def class_table(scores: Sequence[ClassScore], shown: Sequence[int]) -> str:
    """Scores class by class.

    Args:
        scores: Of all classes.
        shown: Which of them.
    """
    columns = ["class", "training images", "test images", "recall", "95 % interval", "AUROC", "AP"]
    return table(columns, [_row(scores[c]) for c in shown])


def _row(score: ClassScore) -> list[str]:
    measured = [score_text(score.recall), MISSING if score.interval is None else str(score.interval)]
    ranked = [score_text(score.auroc), score_text(score.ap)]
    return [plain(score.name), f"{score.train:,}", f"{score.support:,}", *measured, *ranked]


def shift_table(record: RunRecord) -> str:
    """Expected accuracy under other class frequencies; empty where the run did not record it."""
    prefix = f"{TEST}{PREFIX}"
    found = [(name.removeprefix(prefix), value) for name, value in record.metrics.items() if name.startswith(prefix)]
    rows = [[_shift(name), score_text(value)] for name, value in found]
    return table(["class frequencies in use", "expected accuracy"], rows) if rows else ""


def _shift(name: str) -> str:
    direction, _, factor = name.partition("_")
    if not factor:
        return "all classes equally frequent"
    end = "most" if direction == "forward" else "fewest"
    return f"ratio {factor}, classes with the {end} training images most frequent"
