"""Whether the features that carry a class in training have the same magnitude in test."""

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightning_imb.analysis.top_features import at_features


class Match(NamedTuple):
    """Test against train, over the features T_c of training.

    Attributes:
        ratio: (C, K), ``R_c[k]``; NaN where the magnitude of training is 0 or one of the two does not exist.
        abs_log: (C,), mean over k of ``abs(log R_c[k])``; NaN where no k is left.
        log: (C,), mean over k of ``log R_c[k]``: below 0 where test is weaker.
        dropped: (C,) int64, how many k have no logarithm (a magnitude of 0, of another sign or missing).
    """

    ratio: NDArray[np.float64]
    abs_log: NDArray[np.float64]
    log: NDArray[np.float64]
    dropped: NDArray[np.int64]


def magnitude_match(train: NDArray[np.float64], test: NDArray[np.float64], features: NDArray[np.int64]) -> Match:
    """Divide magnitudes of test by those of training, feature by feature.

    ``R_c[k] = test_c[T_c[k]] / train_c[T_c[k]]``; ``test`` over true positives gives R^TP, over false negatives R^FN.
    That generalization is poor where magnitudes do not match is the claim of Dablain et al. 2022 (arXiv 2210.09465,
    abstract); the formula is our reading.

    Means over few rows are noisy and T_c is chosen on training, so that ``abs_log`` rises as a class gets smaller even
    where train and test are alike: compare it between classes only beside `lightning_imb.analysis.match_by_chance`.

    Args:
        train: (C, D) magnitudes over the true positives of training.
        test: (C, D) magnitudes in test.
        features: (C, K) T_c, fixed on training; -1 for a class without.
    """
    base, seen = at_features(train, features), at_features(test, features)
    ratio = seen / np.where(base == 0, np.nan, base)
    logs = np.log(ratio, out=np.full(ratio.shape, np.nan), where=ratio > 0)
    return Match(ratio, _mean(np.abs(logs)), _mean(logs), np.isnan(logs).sum(axis=1))


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of each row over what is there; NaN where nothing is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # "mean of empty slice": NaN is the answer meant
        result: NDArray[np.float64] = np.nanmean(values, axis=1)
    return result
