import itertools

import pytest

from lightning_imb.utils.direction import lower_is_better

ERRORS = ("mse", "mae", "rmse", "gm")
PARTS = ("", "_balanced", "_many", "_medium", "_few", "_zero")
PREFIXES = ("", "test/", "val/", "retrain/val/", "represent/test/", "before_posthoc/test/")
OTHERS = (
    *("loss", "nll", "ece", "mce", "brier", "bin_mse", "bin_mae", "bin_gm"),
    *("baseline/train_mean_mse", "baseline/train_mean_mae", "baseline/train_median_mae", "baseline/optimal_mse"),
    *("baseline/optimal_mae", "baseline/train_mean_bin_mse", "baseline/noise_floor_mse"),
)
HIGHER = (
    *("bacc", "top1", "gmean", "gmean_macro", "macro_f1", "macro_auroc", "macro_ap", "recall", "precision", "f1"),
    *("many", "medium", "few", "recall/3", "r2", "pearson", "specificity", "support"),
    *("gmse", "mses", "mse_top", "nll_few", "loss/bacc", "closs", "mse/bacc"),  # nearly names of errors
)


@pytest.mark.parametrize("name", [*(error + part for error, part in itertools.product(ERRORS, PARTS)), *OTHERS])
def test_of_errors_the_smallest_is_the_best(name):
    assert all(lower_is_better(prefix + name) for prefix in PREFIXES)


@pytest.mark.parametrize("name", HIGHER)
def test_of_all_else_the_largest_is_the_best(name):
    assert not any(lower_is_better(prefix + name) for prefix in PREFIXES)
