"""What the forms of Balanced MSE share: the noise, its scale, and a sum over other targets."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from lightning_imb.losses.checks import checked_positive
from lightning_imb.losses.regression.base import RegressionLoss
from lightning_imb.losses.regression.noise import LabelNoise
from lightning_imb.losses.regression.units import unit_of
from lightning_imb.utils.checked import checked_flag
from lightning_imb.utils.target_bins import TargetSample


class BalancedMSELoss(RegressionLoss):
    r"""``2 s^2 (-ln N(y; yhat, s^2) + ln int N(y'; yhat, s^2) p_train(y') dy')``, the factor ``2 s^2`` a constant.

    The prediction then is that of targets which are uniform, as softmax with the log prior is for classes. The forms
    differ by the integral.

    Mind the noise (derived for normal targets of mean mu and variance v): the loss is least not at ``yhat = y`` but
    at ``yhat = y + (s^2 / v) (y - mu)``: predictions are pushed outward by ``1 + s^2 / v``. That undoes the shrinkage
    that label noise of the variance ``s^2`` causes; where labels are almost exact, fix a small s.

    Args:
        targets: See `RegressionLoss`.
        noise: s at first, > 0, in ``noise_unit``.
        noise_unit: ``std``: of the training targets given here, our choice, which fits targets of any scale.
            ``target``: s itself, as in the released code (10 years for ages).
        learn_noise: Whether s is learnt with the network (as in the released code), or stays.
        noise_lr_factor: Learning rate of ``ln s`` over that of the network, > 0. Under Adam a step changes s by about
            the share that the rate says: .1% at 1e-3, as in the released code (1e-2 of an s of 10). That is slow:
            the steps up and down of a short training cancel, and s ends near where it began. A faster s is raised by
            the large errors of the first steps, so that predictions are pushed too far outward for long.

    Raises:
        InputError: An unusable option, targets without spread as a unit, or as `RegressionLoss`.

    Source:
        Ren et al. 2022, "Balanced MSE for imbalanced visual regression" (arXiv 2203.16427), section 3.
    """

    weighs: ClassVar[bool] = False

    def __init__(
        self,
        targets: TargetSample,
        *,
        noise: float,
        noise_unit: str,
        learn_noise: bool,
        noise_lr_factor: float,
    ) -> None:
        super().__init__(targets)
        initial = checked_positive("noise", noise) * unit_of(targets, noise_unit, "noise_unit")
        self.noise = LabelNoise(initial, checked_flag("learn_noise", learn_noise))
        self.noise_lr_factor = checked_positive("noise_lr_factor", noise_lr_factor)

    @abstractmethod
    def balanced(self, predictions: Tensor, target: Tensor, variance: Tensor) -> Tensor:
        """The loss of each sample without its factor.

        Args:
            predictions: ``(N,)``.
            target: ``(N,)``.
            variance: ``s^2``, a scalar.

        Returns:
            ``(N,)``, up to a constant.
        """

    def per_sample(self, predictions: Tensor, target: Tensor) -> Tensor:
        """Balanced MSE of each sample, ``(N,)``."""
        variance = self.noise.variance().to(predictions.dtype)
        return 2 * variance.detach() * self.balanced(predictions, target, variance)

    def noise_parameters(self) -> list[nn.Parameter]:
        """``ln s`` where it is learnt."""
        return list(self.noise.parameters())

    def state(self) -> dict[str, Tensor]:
        """The learnt noise."""
        return self.noise.state()

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Go on with the noise of a `state`."""
        self.noise.load_state(state)


def log_sum_relative(
    predictions: Tensor, target: Tensor, others: Tensor, log_weight: Tensor, variance: Tensor
) -> Tensor:
    """``(yhat - y)^2 / (2 s^2) + ln sum_j w_j exp(-(yhat - y_j)^2 / (2 s^2))`` without a difference of large numbers.

    Args:
        predictions: yhat, ``(N,)``.
        target: y, ``(N,)``.
        others: y_j, ``(M,)``.
        log_weight: ``ln w_j``, ``(M,)``.
        variance: ``s^2``, a scalar.

    Returns:
        ``(N,)``.
    """
    own = target.unsqueeze(1)
    farther = (own - others) * (2 * predictions.unsqueeze(1) - own - others)  # (yhat - y_j)^2 - (yhat - y)^2
    return (log_weight - farther / (2 * variance)).logsumexp(dim=1)
