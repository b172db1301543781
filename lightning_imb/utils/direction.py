"""Whether more or less of a score is better, told from its name."""

import re

_LOSSES = ("loss", "nll", "ece", "mce", "brier")
# of a regression: gm is the geometric mean of errors; gmean and gmean_macro are scores of classifiers
_ERROR = re.compile(r"(\w+_)?(mse|mae|rmse|gm)(_(balanced|many|medium|few|zero))?")


def lower_is_better(metric: str) -> bool:
    """Whether the smallest value of a score is its best.

    That is so for losses and calibration errors (``loss``, ``nll``, ``ece``, ``mce``, ``brier``) and for errors of a
    regression: ``mse``, ``mae``, ``rmse`` and ``gm``, alone, after other words (``bin_mse``, ``train_mean_mae``), and
    before a part of the test set (``mse_balanced``, ``mae_many``, ``gm_zero``). Whatever stands before the last slash
    says where it was measured and has no part in it.

    Args:
        metric: Name as in ``metrics.json``, such as ``test/mse_few``.
    """
    name = metric.rsplit("/", 1)[-1]
    return name in _LOSSES or _ERROR.fullmatch(name) is not None
