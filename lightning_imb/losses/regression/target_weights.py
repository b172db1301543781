"""Weights of samples by how rare their targets are, with and without a smoothed density (LDS)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lightning_imb.losses.regression.kernels import PADS, smooth, smoothing_kernel
from lightning_imb.utils.checked import checked_choice, checked_number
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.target_bins import TargetBins, TargetSample, equal_bins

BASES = ("none", "inverse", "inverse_sqrt")


class BinWeights(NamedTuple):
    """A weight for every sample, by the bin of its target.

    Attributes:
        bins: What targets are looked up in.
        weight: ``(B,)`` float64, > 0; its mean over the training samples is 1.
    """

    bins: TargetBins
    weight: NDArray[np.float64]


def finer(bins: TargetBins, count: int | None) -> TargetBins:
    """Equal bins over the range of given ones; these themselves where no number is asked for.

    Args:
        bins: Those of the data set.
        count: How many, >= 1, or None.

    Raises:
        InputError: ``count`` is no whole number from 1 on.
    """
    return bins if count is None else equal_bins(bins.edges[0], bins.edges[-1], count)


class TargetWeights:
    r"""A sample in bin b weighs ``1 / d_b``: ``d = kernel * v`` with ``v_b = n_b`` or ``sqrt(n_b)``, n samples per bin.

    Without a kernel ``d = v``, the inverse frequency; with one, d is what label distribution smoothing (LDS) takes
    for the density of the targets. Weights are rescaled so that their mean over the training samples is 1. The root
    is taken before the smoothing, as in the released code.

    A bin without training samples has the weight of its smoothed density; where that is 0 too, the largest weight of
    the bins that have samples. No training sample meets such a weight.

    The mean of the weighted losses divides by the number of samples, not by the sum of their weights.

    Args:
        base: ``none`` (all weights 1), ``inverse`` or ``inverse_sqrt``.
        clip: Counts below the first number are raised to it and counts above the second lowered, before the root;
            None for neither. The released code has ``[5, 1000]`` with ``inverse``, whatever the size of the set:
            where every bin has more samples than that, all weights are 1.
        kernel: See `smoothing_kernel`; ``none`` for the plain counts.
        size: See `smoothing_kernel`.
        sigma: See `smoothing_kernel`, in bins.
        kernel_impl: See `smoothing_kernel`.
        pad: What lies beyond the outermost bins. ``zero`` as in the released code: even equal counts then weigh the
            outer bins more, 9 of them by 1.64, 1.23, 1, ... under its Gaussian of 5 bins. ``reflect``: equal counts
            weigh alike.
        bins: Number of equal bins over the range of the data set's, or None for those.

    Raises:
        InputError: An unusable option.

    Source:
        Yang et al. 2021, "Delving into deep imbalanced regression" (arXiv 2102.09554), section 3.1;
        YyzHarry/imbalanced-regression: imdb-wiki-dir/datasets.py.
    """

    def __init__(
        self,
        base: str,
        clip: Sequence[float] | None,
        kernel: str,
        size: int,
        sigma: float,
        kernel_impl: str,
        pad: str,
        bins: int | None,
    ) -> None:
        self.base = checked_choice("base", base, BASES)
        self._clip = None if clip is None else _checked_clip(clip)
        self._kernel = smoothing_kernel(kernel, size, sigma, kernel_impl)
        self._pad = checked_choice("pad", pad, PADS)
        self._bins = bins
        finer(equal_bins(0, 1, 1), bins)  # an unusable number is an error now, not when the data are there

    def weights(self, targets: TargetSample) -> BinWeights:
        """The weight of each bin for the samples that train.

        Args:
            targets: All that reach the loss, at least one.
        """
        bins = finer(targets.bins, self._bins)
        counts = np.asarray(bins.counts(targets.values), dtype=np.float64)
        weight = _inverse(self._density(counts), counts > 0)
        return BinWeights(bins, weight * counts.sum() / (counts * weight).sum())

    def _density(self, counts: NDArray[np.float64]) -> ArrayLike:
        if self.base == "none":
            return np.ones_like(counts)
        clipped = counts if self._clip is None else np.clip(counts, *self._clip)
        return smooth(np.sqrt(clipped) if self.base == "inverse_sqrt" else clipped, self._kernel, self._pad)


def _inverse(density: ArrayLike, occupied: NDArray[np.bool_]) -> NDArray[np.float64]:
    """``1 / density``; where that is 0, what the occupied bins have at most."""
    values = np.asarray(density)
    rarest = values[occupied].min()
    inverse: NDArray[np.float64] = 1 / np.where(values > 0, values, rarest)
    return inverse


def _checked_clip(clip: Sequence[float]) -> tuple[float, float]:
    if not isinstance(clip, Sequence) or len(clip) != 2:
        raise InputError(f"clip is {clip!r}; give the lowest and the highest count, such as [5, 1000], or null")
    low = checked_number("the first number of clip", clip[0], 0)
    high = checked_number("the second number of clip", clip[1], max(low, 1))
    return low, high
