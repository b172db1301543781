"""Balanced MSE by a histogram of the targets (BNI)."""

import numpy as np
from torch import Tensor

from lightning_imb.losses.regression.balanced_mse import BalancedMSELoss, log_sum_relative
from lightning_imb.losses.regression.kernels import PADS, smooth, smoothing_kernel
from lightning_imb.losses.regression.target_weights import finer
from lightning_imb.utils.checked import checked_choice
from lightning_imb.utils.target_bins import TargetBins, TargetSample


class BNILoss(BalancedMSELoss):
    r"""``2 s^2 ((y - yhat)^2 / (2 s^2) + ln sum_b w_b exp(-(yhat - c_b)^2 / (2 s^2)))``, c and w of bins.

    ``w_b`` is the share of the training targets in bin b, optionally of a smoothed histogram, and ``c_b`` its middle.
    Bins of share 0 are left out.

    Where s is far below the width of a bin, the sum is a comb: a sample then is pulled to an edge of its bin rather
    than to its target. So s never falls below half the width of the widest bin (derived; the minimum then is off by
    about 2% of such a width at worst), and a smaller ``noise`` is refused.

    Args:
        targets: See `RegressionLoss`.
        bins: Number of equal bins over the range of the data set's, or None for those.
        kernel: See `smoothing_kernel`; ``none`` for the plain histogram.
        size: See `smoothing_kernel`.
        sigma: See `smoothing_kernel`, in bins.
        kernel_impl: See `smoothing_kernel`.
        pad: See `smooth`; the released code has ``zero``.
        noise: See `BalancedMSELoss`.
        noise_unit: See `BalancedMSELoss`.
        learn_noise: See `BalancedMSELoss`.
        noise_lr_factor: See `BalancedMSELoss`.

    Raises:
        InputError: Noise below half of a bin, an unusable option, or as `BalancedMSELoss`.

    Source:
        Ren et al. 2022, "Balanced MSE for imbalanced visual regression" (arXiv 2203.16427), bin-based numerical
        integration; jiawei-ren/BalancedMSE: imdb-wiki-dir/balanaced_mse.py, datasets.py.
    """

    centre: Tensor
    log_share: Tensor

    def __init__(
        self,
        targets: TargetSample,
        *,
        bins: int | None = 100,
        kernel: str = "none",
        size: int = 5,
        sigma: float = 2.0,
        kernel_impl: str = "official",
        pad: str = "reflect",
        noise: float = 0.1,
        noise_unit: str = "std",
        learn_noise: bool = True,
        noise_lr_factor: float = 1.0,
    ) -> None:
        super().__init__(
            targets,
            noise=noise,
            noise_unit=noise_unit,
            learn_noise=learn_noise,
            noise_lr_factor=noise_lr_factor,
            least_noise=_half_a_bin(finer(targets.bins, bins)),
        )
        self._bins = bins
        self._kernel = smoothing_kernel(kernel, size, sigma, kernel_impl)
        self._pad = checked_choice("pad", pad, PADS)
        self._make_prior(targets)

    def learn_targets(self, targets: TargetSample) -> None:
        """Take the histogram of other targets; the noise stays."""
        super().learn_targets(targets)
        self._make_prior(targets)

    def balanced(self, predictions: Tensor, target: Tensor, variance: Tensor) -> Tensor:
        """Loss of each sample among the bins, ``(N,)``."""
        dtype = predictions.dtype
        return log_sum_relative(predictions, target, self.centre.to(dtype), self.log_share.to(dtype), variance)

    def _make_prior(self, targets: TargetSample) -> None:
        bins = finer(targets.bins, self._bins)
        density = smooth(bins.counts(targets.values), self._kernel, self._pad)
        met = density > 0
        self.keep("centre", bins.centres[met])
        self.keep("log_share", np.log(density[met] / density.sum()))


def _half_a_bin(bins: TargetBins) -> float:
    return float(np.diff(bins.edges).max()) / 2
