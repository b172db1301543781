"""Vector-scaling loss and class-dependent temperatures: logits divided by a number per class."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lightning_imb.losses.checks import checked_number
from lightning_imb.losses.logit_adjustment import UNIFORM, LogitAdjustmentLoss


class VSLoss(LogitAdjustmentLoss):
    r"""Vector scaling ``CE(z_c / Delta_c + tau * log pi_c)`` with ``Delta_c = (n_max / n_c)^gamma``.

    ``gamma=0`` is logit adjustment, ``tau=0`` is `CDTLoss`, both 0 are cross entropy, and so are balanced counts.
    Predict by the plain logits.

    Args:
        class_counts: training samples per class, ``(K,)``.
        gamma: exponent of the temperatures, >= 0.
        tau: strength of the additive adjustment, >= 0.
        weights: see `ClassCountLoss`.
        beta: see `ClassCountLoss`.
        reduction: see `ClassCountLoss`.

    Raises:
        InputError: negative gamma or tau, or as `ClassCountLoss`.

    Source:
        Kini et al. 2021, "Label-imbalanced and group-sensitive classification under overparameterization"
        (arXiv 2103.01550).
    """

    temperature: Tensor

    def __init__(
        self,
        class_counts: Sequence[int] | Tensor,
        *,
        gamma: float = 0.3,
        tau: float = 1.0,
        weights: str | Sequence[float] = "none",
        beta: float = 0.9999,
        reduction: str = "weighted_mean",
    ) -> None:
        super().__init__(class_counts, tau=tau, target_prior=UNIFORM, weights=weights, beta=beta, reduction=reduction)
        counts = self.class_counts.to(torch.float64)
        temperature = (counts.max() / counts).pow(checked_number("gamma", gamma, 0))
        self.register_buffer("temperature", temperature.to(torch.float32), persistent=False)

    def prior_left(self, class_counts: Sequence[int] | Tensor) -> Tensor:
        """Nothing where temperatures act: they undo the prior too, how far nothing states; taken for all of it."""
        left = super().prior_left(class_counts)
        return torch.zeros_like(left) if bool((self.temperature != 1).any()) else left

    def adjusted(self, logits: Tensor) -> Tensor:
        """Logits ``(N, K)`` as the loss sees them."""
        return super().adjusted(logits / self.temperature.to(logits.dtype))


class CDTLoss(VSLoss):
    r"""Class-dependent temperatures ``CE(z_c / Delta_c)`` with ``Delta_c = (n_max / n_c)^gamma``.

    Args:
        class_counts: training samples per class, ``(K,)``.
        gamma: exponent, >= 0; the paper searches 0 to .4 on CIFAR-10 and 0 to .2 on CIFAR-100. 0 is cross entropy.
        weights: see `ClassCountLoss`.
        beta: see `ClassCountLoss`.
        reduction: see `ClassCountLoss`.

    Raises:
        InputError: negative gamma, or as `ClassCountLoss`.

    Source:
        Ye et al. 2020, "Identifying and compensating for feature deviation in imbalanced deep learning"
        (arXiv 2001.01385).
    """

    def __init__(
        self,
        class_counts: Sequence[int] | Tensor,
        *,
        gamma: float = 0.3,
        weights: str | Sequence[float] = "none",
        beta: float = 0.9999,
        reduction: str = "weighted_mean",
    ) -> None:
        super().__init__(class_counts, gamma=gamma, tau=0.0, weights=weights, beta=beta, reduction=reduction)
