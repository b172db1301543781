"""Scores under imbalance: of classifiers, from counts, logits and a look at the training set; and of regressions."""

from lightning_imb.metrics.calibration import Reliability, binned, reliability
from lightning_imb.metrics.confusion import ClassRates, class_rates, rates
from lightning_imb.metrics.error_tally import ErrorTally
from lightning_imb.metrics.errors import REGIONS, baselines, error_scores, floor_entries, target_regions
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
    "REGIONS",
    "ClassRates",
    "ClassTally",
    "ErrorTally",
    "FrequencyGroups",
    "LossMean",
    "Ranking",
    "Reliability",
    "baselines",
    "binned",
    "checked_major",
    "class_groups",
    "class_means",
    "class_rates",
    "draw_test_set",
    "error_scores",
    "expected_top1",
    "floor_entries",
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
    "target_regions",
]
