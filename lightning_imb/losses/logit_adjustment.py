"""Logit-adjusted cross entropy, of which the balanced softmax is the plain case."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lightning_imb.losses.base import ClassCountLoss
from lightning_imb.losses.checks import checked_counts, checked_number
from lightning_imb.losses.cross_entropy import surprise
from lightning_imb.utils.errors import InputError

UNIFORM = "uniform"


class LogitAdjustmentLoss(ClassCountLoss):
    r"""Cross entropy of logits raised by the log prior: ``CE(z + tau * (log pi - log pi_t))``.

    ``pi_c`` is the share of class c in the training samples, ``pi_t`` the class shares that the model shall be
    right for. ``tau=1`` with a uniform target is the balanced softmax, with another target the Bayias loss.
    ``tau=0`` is cross entropy, and so are balanced counts with a uniform target. The shift belongs to training
    alone: predict by the plain logits, and adjust them for no prior afterwards.

    Args:
        class_counts: training samples per class, ``(K,)``.
        tau: strength of the adjustment, >= 0; 1 is what the theory asks for.
        target_prior: ``uniform``, or K numbers > 0 in proportion to the classes' shares at test time.
        weights: see `ClassCountLoss`.
        beta: see `ClassCountLoss`.
        reduction: see `ClassCountLoss`.

    Raises:
        InputError: negative tau, an unusable target prior, or as `ClassCountLoss`.

    Source:
        Menon et al. 2021, "Long-tail learning via logit adjustment" (arXiv 2007.07314), eq. 10; Ren et al. 2020,
        "Balanced meta-softmax" (arXiv 2007.10740); Xu et al. 2021, "Towards calibrated model for
        long-tailed visual recognition from prior perspective" (arXiv 2111.03874), the Bayias loss.
    """

    shift: Tensor
    reached: Tensor
    """Samples per class that the prior is made of, ``(K,)``."""

    def __init__(
        self,
        class_counts: Sequence[int] | Tensor,
        *,
        tau: float = 1.0,
        target_prior: str | Sequence[float] = UNIFORM,
        weights: str | Sequence[float] = "none",
        beta: float = 0.9999,
        reduction: str = "weighted_mean",
    ) -> None:
        super().__init__(class_counts, weights=weights, beta=beta, reduction=reduction)
        self._tau = checked_number("tau", tau, 0)
        self._log_target = _log_prior(target_prior, self.num_classes)
        self.register_buffer("reached", self.class_counts.clone(), persistent=False)
        self.register_buffer("shift", self._shift(), persistent=False)

    def weigh_for(self, class_counts: Sequence[int] | Tensor) -> None:
        """Adjust for other samples too: the prior is that of what reaches the loss, none on a balanced set."""
        super().weigh_for(class_counts)
        self.reached = checked_counts(class_counts).to(self.shift.device)
        self.shift = self._shift().to(self.shift.device)

    def prior_left(self, class_counts: Sequence[int] | Tensor) -> Tensor:
        """Log shares without what training added to the logits, see `ClassCountLoss`."""
        return super().prior_left(class_counts) - self.shift.cpu().to(torch.float64)

    def _shift(self) -> Tensor:
        prior = self.reached.to(torch.float64)
        return (self._tau * ((prior / prior.sum()).log() - self._log_target)).to(torch.float32)

    def adjusted(self, logits: Tensor) -> Tensor:
        """Logits ``(N, K)`` as the loss sees them."""
        return logits + self.shift.to(logits.dtype)

    def per_sample(self, logits: Tensor, target: Tensor) -> Tensor:
        """Cross entropy of the adjusted logits of each sample, ``(N,)``."""
        return surprise(self.adjusted(logits), target)


def _log_prior(prior: str | Sequence[float], num_classes: int) -> Tensor:
    """Log of the shares, rescaled to sum 1, ``(K,)`` float64."""
    wanted = f"give {UNIFORM}, or a list of {num_classes} numbers above 0"
    if isinstance(prior, str):
        if prior != UNIFORM:
            raise InputError(f"target_prior is {prior!r}; {wanted}")
        prior = [1.0] * num_classes
    try:
        values = torch.as_tensor(prior, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"target_prior is {prior!r}; {wanted}") from error
    if values.shape != (num_classes,) or not bool((torch.isfinite(values) & (values > 0)).all()):
        raise InputError(f"target_prior is {values.tolist()}; {wanted}")
    return (values / values.sum()).log()
