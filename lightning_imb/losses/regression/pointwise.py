"""Losses of the error of one prediction alone: squared, absolute, and between the two."""

import torch.nn.functional as F
from torch import Tensor

from lightning_imb.losses.checks import checked_positive
from lightning_imb.losses.regression.base import RegressionLoss
from lightning_imb.losses.regression.units import unit_of
from lightning_imb.utils.target_bins import TargetSample


class MSELoss(RegressionLoss):
    """Squared error ``(yhat - y)^2``; its best constant is the mean of the targets.

    Args:
        targets: See `RegressionLoss`.

    Source:
        Least squares; the baseline of Ren et al. 2022 (arXiv 2203.16427).
    """

    def per_sample(self, predictions: Tensor, target: Tensor) -> Tensor:
        """Squared errors, ``(N,)``."""
        return F.mse_loss(predictions, target, reduction="none")


class L1Loss(RegressionLoss):
    """Absolute error ``|yhat - y|``; its best constant is the median of the targets.

    Args:
        targets: See `RegressionLoss`.

    Source:
        Least absolute deviations; the baseline of Yang et al. 2021 (arXiv 2102.09554).
    """

    def per_sample(self, predictions: Tensor, target: Tensor) -> Tensor:
        """Absolute errors, ``(N,)``."""
        return F.l1_loss(predictions, target, reduction="none")


class HuberLoss(RegressionLoss):
    """``e^2 / 2`` up to an absolute error of ``delta``, and ``delta (|e| - delta / 2)`` beyond, e = yhat - y.

    Args:
        targets: See `RegressionLoss`.
        delta: Where the square ends, > 0, in ``unit``.
        unit: ``target``: that of the target, as released. ``std``: the standard deviation of the training targets
            given here, our choice, with which delta means the same for targets of any scale; it stays when others
            are learnt.

    Raises:
        InputError: delta not above 0, targets without spread as a unit, or as `RegressionLoss`.

    Source:
        Huber 1964, "Robust estimation of a location parameter". The code of Yang et al. 2021 (arXiv 2102.09554)
        divides it by delta.
    """

    def __init__(self, targets: TargetSample, *, delta: float = 1.0, unit: str = "target") -> None:
        super().__init__(targets)
        self._delta = checked_positive("delta", delta) * unit_of(targets, unit, "unit")

    def per_sample(self, predictions: Tensor, target: Tensor) -> Tensor:
        """Huber's function of the errors, ``(N,)``."""
        return F.huber_loss(predictions, target, reduction="none", delta=self._delta)
