"""Errors of a regression: of the whole evaluation set, per target bin, and where training targets are many or few."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lightning_imb.metrics.confusion import FloatArray
from lightning_imb.metrics.scores import class_groups
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.target_bins import TargetBins

REGIONS = ("many", "medium", "few", "zero")
FLOOR = 1e-12
"""Smallest |error| that the geometric mean sees, in units of the target: a single exact hit would make it 0."""

ErrorScores = dict[str, float | list[float | None] | None]


class BinSums(NamedTuple):
    """Sums over the samples of each target bin, each ``(B,)`` float64; ``e`` is prediction minus target.

    Attributes:
        samples: How many.
        squared: Sum of ``e^2``.
        absolute: Sum of ``|e|``.
        logarithm: Sum of ``ln max(|e|, floor)``.
        signed: Sum of ``e``.
    """

    samples: FloatArray
    squared: FloatArray
    absolute: FloatArray
    logarithm: FloatArray
    signed: FloatArray


def error_scores(
    predictions: npt.ArrayLike,
    targets: npt.ArrayLike,
    bins: TargetBins,
    train_counts: Sequence[int],
    few: int = 20,
    many: int = 100,
    floor: float = FLOOR,
) -> ErrorScores:
    """Score the predictions of a regression.

    Args:
        predictions: ``(N,)``, finite.
        targets: ``(N,)``, finite.
        bins: B intervals of the target.
        train_counts: ``(B,)`` training samples per bin, zeros allowed.
        few: as `summed_scores`.
        many: as `summed_scores`.
        floor: as `bin_sums`.

    Returns:
        What `summed_scores` returns, and

            * ``r2``: ``1 - sum e^2 / sum (target - mean target)^2``; below 0 for predictions that are worse than the
              mean of these targets; None where the targets are all the same
            * ``pearson``: correlation of predictions and targets, -1..1; None where either are all the same
            * ``bin_mse``, ``bin_mae``, ``bin_gm``, ``bin_bias``: lists ``(B,)``, the last one the mean of ``e``; None
              for a bin without samples

    Raises:
        InputError: No sample, lengths that differ, a number that is not finite, or as `summed_scores`.
    """
    predicted, wanted = _vector("predictions", predictions), _vector("targets", targets)
    if len(predicted) != len(wanted):
        raise InputError(f"there are {len(predicted)} predictions for {len(wanted)} targets; give one for each")
    sums = bin_sums(predicted - wanted, wanted, bins, floor)
    return {
        **summed_scores(sums, train_counts, few, many),
        "r2": _r2(predicted, wanted),
        "pearson": _pearson(predicted, wanted),
        "bin_mse": _per_bin(sums.squared, sums.samples),
        "bin_mae": _per_bin(sums.absolute, sums.samples),
        "bin_gm": [None if mean is None else float(np.exp(mean)) for mean in _per_bin(sums.logarithm, sums.samples)],
        "bin_bias": _per_bin(sums.signed, sums.samples),
    }


def summed_scores(sums: BinSums, train_counts: Sequence[int], few: int = 20, many: int = 100) -> dict[str, float]:
    """The scores that can be had from sums per bin; lower is better for all.

    * ``mse``, ``mae``, ``rmse``: mean of ``e^2``, of ``|e|``, root of the former, over all samples
    * ``gm``: geometric mean of ``|e|``, ``exp(mean ln max(|e|, floor))``
    * ``mse_balanced``, ``mae_balanced``: mean over the bins that have samples of the mean in the bin
    * ``mse_``, ``mae_`` and ``gm_`` with ``many``, ``medium``, ``few``, ``zero``: over all samples in bins with more
      than ``many``, with ``few..many``, with fewer than ``few`` and with no training samples; a key is missing where
      there is no such sample

    Args:
        sums: Of the evaluation set.
        train_counts: ``(B,)`` training samples per bin.
        few: training samples from which a bin is ``medium``.
        many: training samples up to which a bin is ``medium``.

    Raises:
        InputError: No sample, counts of another length, or ``few`` above ``many``.

    Source:
        Regions and geometric mean: Yang et al. 2021, "Delving into deep imbalanced regression" (arXiv 2102.09554),
        section 4; the region without training samples and the balanced means are ours.
    """
    if len(train_counts) != len(sums.samples):
        raise InputError(f"train_counts has {len(train_counts)} entries for {len(sums.samples)} bins; give one per bin")
    present = sums.samples > 0
    if not present.any():
        raise InputError("there are no predictions to score; give at least one sample")
    found = _means(sums, present)
    found["rmse"] = float(np.sqrt(found["mse"]))
    for name, part in (("mse", sums.squared), ("mae", sums.absolute)):
        found[f"{name}_balanced"] = float((part[present] / sums.samples[present]).mean())
    region_of = np.array(target_regions(train_counts, few, many))
    for region in REGIONS:
        members = present & (region_of == region)
        if members.any():
            found |= {f"{name}_{region}": value for name, value in _means(sums, members).items()}
    return found


def target_regions(train_counts: Sequence[int], few: int = 20, many: int = 100) -> list[str]:
    """``many``, ``medium``, ``few`` or ``zero`` for each bin, by its training samples; see `summed_scores`.

    Raises:
        InputError: ``few`` above ``many``.
    """
    groups = class_groups(train_counts, few, many)
    return ["zero" if n == 0 else group for n, group in zip(train_counts, groups, strict=True)]


def baselines(train_values: npt.ArrayLike, test_values: npt.ArrayLike, bins: TargetBins) -> ErrorScores:
    """Errors of predictions that do not look at the sample.

    Args:
        train_values: Training targets, finite.
        test_values: Test targets, finite.
        bins: B intervals of the target.

    Returns:
        All names begin with ``baseline/``: ``train_mean_mse`` and ``train_mean_mae`` (the mean of the training
        targets), ``train_median_mae`` (their median), ``optimal_mse`` and ``optimal_mae`` (mean and median of the test
        targets, which no constant beats and no training set knows), and the list ``train_mean_bin_mse`` ``(B,)``.

    Raises:
        InputError: No target, or one that is not finite.
    """
    train, test = _vector("training targets", train_values), _vector("test targets", test_values)
    of_mean = bin_sums(train.mean() - test, test, bins)
    total = of_mean.samples.sum()
    return {
        "baseline/train_mean_mse": float(of_mean.squared.sum() / total),
        "baseline/train_mean_mae": float(of_mean.absolute.sum() / total),
        "baseline/train_median_mae": float(np.abs(np.median(train) - test).mean()),
        "baseline/optimal_mse": float(test.var()),
        "baseline/optimal_mae": float(np.abs(np.median(test) - test).mean()),
        "baseline/train_mean_bin_mse": _per_bin(of_mean.squared, of_mean.samples),
    }


def floor_entries(test_values: npt.ArrayLike, floor: npt.ArrayLike, bins: TargetBins) -> ErrorScores:
    """Errors that the maximum-likelihood estimate has on average: a yardstick, not a bound.

    A network that also learns the law of the targets can go below them.

    Args:
        test_values: ``(N,)`` test targets, finite.
        floor: ``(N,)`` squared error that this estimate has for each of them on average, >= 0.
        bins: B intervals of the target.

    Returns:
        ``baseline/noise_floor_mse`` and the list ``baseline/noise_floor_bin_mse`` ``(B,)``, None for an empty bin.

    Raises:
        InputError: Lengths that differ, no target, or a number that is not finite.
    """
    targets, expected = _vector("targets", test_values), _vector("floor", floor)
    if len(targets) != len(expected):
        raise InputError(f"there are {len(expected)} floors for {len(targets)} targets; give one for each")
    total = np.bincount(bins.of(targets), expected, len(bins)).astype(np.float64)
    return {
        "baseline/noise_floor_mse": float(expected.mean()),
        "baseline/noise_floor_bin_mse": _per_bin(total, np.asarray(bins.counts(targets), dtype=np.float64)),
    }


def bin_sums(errors: FloatArray, targets: FloatArray, bins: TargetBins, floor: float = FLOOR) -> BinSums:
    """Sum errors per target bin.

    Args:
        errors: ``(N,)``, prediction minus target.
        targets: ``(N,)``.
        bins: B intervals of the target.
        floor: Stands in for smaller ``|e|`` in the logarithm, > 0.
    """
    size = np.abs(errors)
    parts = (np.ones_like(errors), size**2, size, np.log(np.maximum(size, floor)), errors)
    where = bins.of(targets)
    return BinSums(*(np.bincount(where, part, minlength=len(bins)).astype(np.float64) for part in parts))


def _means(sums: BinSums, members: npt.NDArray[np.bool_]) -> dict[str, float]:
    """Means over all samples of some bins."""
    count, squared, absolute, logarithm, _ = (part[members].sum() for part in sums)
    return {
        "mse": float(squared / count),
        "mae": float(absolute / count),
        "gm": float(np.exp(logarithm / count)),
    }


def _per_bin(part: FloatArray, count: FloatArray) -> list[float | None]:
    return [float(total / n) if n else None for total, n in zip(part, count, strict=True)]


def _r2(predicted: FloatArray, wanted: FloatArray) -> float | None:
    if np.ptp(wanted) == 0:
        return None
    return float(1 - ((predicted - wanted) ** 2).sum() / ((wanted - wanted.mean()) ** 2).sum())


def _pearson(predicted: FloatArray, wanted: FloatArray) -> float | None:
    if np.ptp(wanted) == 0 or np.ptp(predicted) == 0:  # their rounded deviations would correlate with anything
        return None
    return float(np.corrcoef(predicted, wanted)[0, 1])


def _vector(name: str, values: npt.ArrayLike) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not len(array):
        raise InputError(f"{name} have shape {array.shape}; give (N,) with at least one number")
    wrong = np.flatnonzero(~np.isfinite(array))
    if len(wrong):
        raise InputError(
            f"{len(wrong)} of {len(array)} {name} are not finite, the first in row {wrong[0]}; give numbers"
        )
    return array
