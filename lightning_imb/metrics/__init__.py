"""Scores of a classifier under imbalance: every one is a function of three counts per class."""

from lightning_imb.metrics.confusion import ClassRates, class_rates, rates
from lightning_imb.metrics.loss_mean import LossMean
from lightning_imb.metrics.scores import MANY_CLASSES, class_groups, per_class, scores
from lightning_imb.metrics.tally import ClassTally

__all__ = [
    "MANY_CLASSES",
    "ClassRates",
    "ClassTally",
    "LossMean",
    "class_groups",
    "class_rates",
    "per_class",
    "rates",
    "scores",
]
