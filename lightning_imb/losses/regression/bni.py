"""Balanced MSE by a histogram of the targets (BNI)."""

import numpy as np
from torch import Tensor

from lightning_imb.losses.regression.balanced_mse import BalancedMSELoss, log_sum_relative
from lightning_imb.losses.regression.bin_integral import log_integral_relative
from lightning_imb.losses.regression.kernels import PADS, smooth, smoothing_kernel
from lightning_imb.losses.regression.target_weights import finer
from lightning_imb.utils.checked import checked_choice
from lightning_imb.utils.target_bins import TargetBins, TargetSample

FORMS = ("integral", "centres")


class BNILoss(BalancedMSELoss):
    r"""``2 s^2 (-ln N(y; yhat, s^2) + ln sum_b w_b / h_b int_b N(y'; yhat, s^2) dy')``, the integral over bin b.

    ``w_b`` is the share of the training targets in bin b, optionally of a smoothed histogram, and ``h_b`` its width:
    targets lie evenly within their bin, so that the integral is exact for any s (our reading). The outermost bins
    reach as far as the training targets do. Bins of share 0 are left out.

    ``form="centres"`` has the sum ``w_b N(c_b; yhat, s^2)`` over the middles of the bins, as in the paper. Where s is
    not well above the width of a bin that sum is a comb, which pulls samples to the edges of their bins; and at any s
    it pushes the predictions of targets beyond the outermost middles outward without end.

    Mind the ends (derived): no targets lie beyond the range of training, so the loss of a target y less than about s
    inside its end e is least outside of it: near ``e + s^2 / (e - y)``, infinitely far for ``y = e``. The pull there
    fades as ``2 s^2 / (yhat - e)``. A smaller s narrows the zone. Likewise a target in a bin with none around it for
    several s has hardly any gradient (see `BMCLoss`); fewer bins or a kernel close such gaps.

    Args:
        targets: See `RegressionLoss`.
        bins: Number of equal bins over the range of the data set's and of the targets, or None for the data set's.
        form: ``integral`` or ``centres``.
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
        InputError: An unusable option, or as `BalancedMSELoss`.

    Source:
        Ren et al. 2022, "Balanced MSE for imbalanced visual regression" (arXiv 2203.16427), bin-based numerical
        integration; jiawei-ren/BalancedMSE: imdb-wiki-dir/balanaced_mse.py, datasets.py.
    """

    low: Tensor
    high: Tensor
    log_share: Tensor

    def __init__(
        self,
        targets: TargetSample,
        *,
        bins: int | None = 100,
        form: str = "integral",
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
            targets, noise=noise, noise_unit=noise_unit, learn_noise=learn_noise, noise_lr_factor=noise_lr_factor
        )
        self._bins = bins
        self._form = checked_choice("form", form, FORMS)
        self._kernel = smoothing_kernel(kernel, size, sigma, kernel_impl)
        self._pad = checked_choice("pad", pad, PADS)
        self._make_prior(targets)

    def learn_targets(self, targets: TargetSample) -> None:
        """Take the histogram of other targets; the noise stays."""
        super().learn_targets(targets)
        self._make_prior(targets)

    def balanced(self, predictions: Tensor, target: Tensor, variance: Tensor) -> Tensor:
        """Loss of each sample among the bins, ``(N,)``."""
        low, high, log_share = (kept.to(predictions.dtype) for kept in (self.low, self.high, self.log_share))
        if self._form == "centres":
            return log_sum_relative(predictions, target, (low + high) / 2, log_share, variance)
        log_density = log_share - (high - low).log()
        return log_integral_relative(predictions, target, low, high, log_density, variance)

    def _make_prior(self, targets: TargetSample) -> None:
        bins = finer(_covering(targets), self._bins)
        density = smooth(bins.counts(targets.values), self._kernel, self._pad)
        edges, met = np.asarray(bins.edges), density > 0
        self.keep("low", edges[:-1][met])
        self.keep("high", edges[1:][met])
        self.keep("log_share", np.log(density[met] / density.sum()))


def _covering(targets: TargetSample) -> TargetBins:
    """The bins of the data set, the outermost stretched to the targets that they count beyond their edges."""
    first, *inner, last = targets.bins.edges
    return TargetBins((min(first, float(targets.values.min())), *inner, max(last, float(targets.values.max()))))
