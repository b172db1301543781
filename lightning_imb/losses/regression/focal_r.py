"""Focal-R: focal loss for regression, where small errors count less."""

import torch
from torch import Tensor

from lightning_imb.losses.checks import checked_number, checked_positive
from lightning_imb.losses.regression.base import RegressionLoss
from lightning_imb.losses.regression.units import unit_of
from lightning_imb.utils.checked import checked_choice
from lightning_imb.utils.target_bins import TargetSample

ERRORS = ("l1", "mse")


class FocalRLoss(RegressionLoss):
    """``err * (2 sigmoid(beta |e|) - 1)^gamma`` with e = yhat - y, and ``err`` = ``|e|`` or ``e^2``.

    The factor is 0 without an error and nears 1 for large ones; the gradient passes through it.

    Args:
        targets: See `RegressionLoss`.
        error: ``l1`` or ``mse``.
        beta: How fast the factor nears 1, > 0, in 1 / ``unit``.
        gamma: Exponent, >= 0; 0 leaves the plain error.
        unit: ``target``: that of the target, as released, for ages in years. ``std``: the standard deviation of the
            training targets given here, our choice, with which beta means the same for targets of any scale; it
            stays when others are learnt.

    Raises:
        InputError: Another word for the error, beta not above 0, negative gamma, targets without spread as a unit,
            or as `RegressionLoss`.

    Source:
        Yang et al. 2021, "Delving into deep imbalanced regression" (arXiv 2102.09554), Focal-R, with the factor of
        YyzHarry/imbalanced-regression: imdb-wiki-dir/loss.py.
    """

    def __init__(
        self, targets: TargetSample, *, error: str = "l1", beta: float = 0.2, gamma: float = 1.0, unit: str = "target"
    ) -> None:
        super().__init__(targets)
        self._power = {"l1": 1, "mse": 2}[checked_choice("error", error, ERRORS)]
        self._beta = checked_positive("beta", beta) / unit_of(targets, unit, "unit")
        self._gamma = checked_number("gamma", gamma, 0)

    def per_sample(self, predictions: Tensor, target: Tensor) -> Tensor:
        """Errors times their factors, ``(N,)``."""
        error = (predictions - target).abs()
        # 2 sigmoid(x) - 1 = tanh(x / 2); away from 0, where a root has no gradient
        factor = (self._beta / 2 * error).tanh().clamp_min(torch.finfo(error.dtype).tiny)
        return error.pow(self._power) * factor.pow(self._gamma)
