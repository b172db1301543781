"""Scores of a classifier under imbalance, from counts per class, from logits, and from a look at the training set."""

from lightning_imb.metrics.calibration import Reliability, binned, reliability
from lightning_imb.metrics.confusion import ClassRates, class_rates, rates
from lightning_imb.metrics.frequency_groups import FrequencyGroups, checked_major, frequency_groups
from lightning_imb.metrics.loss_mean import LossMean
from lightning_imb.metrics.prior_shift import (
    draw_test_set,
    expected_top1,
    known_prior_shift,
    prior_shift,
    shifted_counts,
    shifted_prior,
)
from lightning_imb.metrics.progress import class_means, gradient_norms, linear_gradient_norms, progress_summary
from lightning_imb.metrics.ranking import Ranking, ranking
from lightning_imb.metrics.scores import MANY_CLASSES, class_groups, per_class, scores
from lightning_imb.metrics.tally import ClassTally

__all__ = [
    "MANY_CLASSES",
    "ClassRates",
    "ClassTally",
    "FrequencyGroups",
    "LossMean",
    "Ranking",
    "Reliability",
    "binned",
    "checked_major",
    "class_groups",
    "class_means",
    "class_rates",
    "draw_test_set",
    "expected_top1",
    "frequency_groups",
    "gradient_norms",
    "known_prior_shift",
    "linear_gradient_norms",
    "per_class",
    "prior_shift",
    "progress_summary",
    "ranking",
    "rates",
    "reliability",
    "scores",
    "shifted_counts",
    "shifted_prior",
]
