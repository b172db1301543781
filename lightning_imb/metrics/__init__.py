"""Scores of a classifier under imbalance: every one is a function of the confusion matrix."""

from lightning_imb.metrics.confusion import ClassRates, class_rates
from lightning_imb.metrics.scores import class_groups, per_class, scores

__all__ = ["ClassRates", "class_groups", "class_rates", "per_class", "scores"]
