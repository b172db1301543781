"""Balanced MSE by a mixture of normal distributions (GAI)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.mixture import GaussianMixture
from torch import Tensor

from lightning_imb.losses.regression.balanced_mse import BalancedMSELoss
from lightning_imb.utils.checked import checked_whole
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.target_bins import TargetSample

_REGULARISER = 1e-6  # scikit-learn's, here a share of the variance of the targets


class Mixture(NamedTuple):
    """Normal distributions and their shares.

    Attributes:
        share: ``(K,)``, sums to 1.
        mean: ``(K,)``.
        variance: ``(K,)``, > 0.
    """

    share: NDArray[np.float64]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]


def fit_mixture(values: NDArray[np.float64], components: int, random_state: int) -> Mixture:
    """The mixture of normal distributions that fits the targets best; one component is their mean and variance.

    Args:
        values: ``(N,)``, of at least ``components`` and of 2 different numbers.
        components: K >= 1.
        random_state: Of the start of the search.

    Raises:
        InputError: Too few different targets, or an unusable number of components.
    """
    checked_whole("components", components, 1)
    different = len(np.unique(values))
    if different < max(components, 2):
        raise InputError(
            f"components is {components} but the {len(values)} training targets have {different} different values; "
            "give at most that many components, and targets that differ"
        )
    centre, spread = values.mean(), values.std()
    # exact for one component; more of them would shrink onto single targets without it
    search = GaussianMixture(components, reg_covar=_REGULARISER * (components > 1), random_state=random_state)
    search.fit(((values - centre) / spread)[:, None])
    variance = spread**2 * search.covariances_[:, 0, 0]
    return Mixture(search.weights_, centre + spread * search.means_[:, 0], variance)


class GAILoss(BalancedMSELoss):
    r"""``2 s^2 (-ln N(y; yhat, s^2) + ln sum_k phi_k N(yhat; mu_k, v_k + s^2))``: the integral in closed form.

    ``phi_k``, ``mu_k`` and ``v_k`` are a mixture fitted to the training targets. With one component the loss is that
    of normal targets; as their variance grows it has the gradient of the squared error. The value can be negative.

    Args:
        targets: See `RegressionLoss`.
        components: K of the mixture, >= 1; in the paper 8 for ages, 64 for exponential and 1 for normal targets.
        random_state: Of the start of the mixture's fit.
        noise: See `BalancedMSELoss`.
        noise_unit: See `BalancedMSELoss`.
        learn_noise: See `BalancedMSELoss`.
        noise_lr_factor: See `BalancedMSELoss`.

    Raises:
        InputError: Fewer different targets than components, or as `BalancedMSELoss`.

    Source:
        Ren et al. 2022, "Balanced MSE for imbalanced visual regression" (arXiv 2203.16427), GMM-based analytical
        integration; jiawei-ren/BalancedMSE: imdb-wiki-dir/balanaced_mse.py, preprocess_gmm.py.
    """

    log_share: Tensor
    mean: Tensor
    component_variance: Tensor

    def __init__(
        self,
        targets: TargetSample,
        *,
        components: int = 8,
        random_state: int = 0,
        noise: float = 0.1,
        noise_unit: str = "std",
        learn_noise: bool = True,
        noise_lr_factor: float = 1.0,
    ) -> None:
        super().__init__(
            targets, noise=noise, noise_unit=noise_unit, learn_noise=learn_noise, noise_lr_factor=noise_lr_factor
        )
        self._components, self._random_state = components, random_state
        self._fit(targets)

    def learn_targets(self, targets: TargetSample) -> None:
        """Fit the mixture to other targets; the noise stays."""
        super().learn_targets(targets)
        self._fit(targets)

    def balanced(self, predictions: Tensor, target: Tensor, variance: Tensor) -> Tensor:
        """Loss of each sample under the mixture, ``(N,)``, without the terms of pi, which cancel."""
        dtype = predictions.dtype
        spread = self.component_variance.to(dtype) + variance
        distance = (predictions.unsqueeze(1) - self.mean.to(dtype)).square()
        density = self.log_share.to(dtype) - spread.log() / 2 - distance / (2 * spread)
        return (predictions - target).square() / (2 * variance) + variance.log() / 2 + density.logsumexp(dim=1)

    def _fit(self, targets: TargetSample) -> None:
        mixture = fit_mixture(targets.values, self._components, self._random_state)
        self.keep("log_share", np.log(mixture.share))
        self.keep("mean", mixture.mean)
        self.keep("component_variance", mixture.variance)
