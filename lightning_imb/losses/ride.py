"""Loss of RIDE: margins for every expert, and a reward for experts that differ."""

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from lightning_imb.losses.checks import checked_number, checked_positive
from lightning_imb.losses.experts import ExpertLoss
from lightning_imb.losses.ldam import LDAMLoss
from lightning_imb.utils.checked import epoch_of, start_of


class RIDELoss(ExpertLoss):
    r"""Sum over the experts k of ``LDAM(z_k) + diversity * t^2 * KL(softmax(m / T) || softmax(z_k / T))``.

    ``m`` is the mean of the experts' logits, through which no gradient goes in the second term. A negative
    ``diversity`` rewards experts that differ. ``T_c`` is the temperature of class c and ``t`` the mean over the
    classes; ``T_c = temperature * u_c / max u`` with ``u_c = spread * K * pi_c + 1 - spread`` is lower for rarer
    classes, whose logits the experts shall differ in more.

    Class weights (deferred re-weighting) and the temperatures of classes begin at the epoch ``start``: before it every
    class weighs 1 and has the same temperature. A loss that is told of no epoch is that of the end. Class weights act
    on LDAM alone. Logits are scaled cosines, as for LDAM.

    The paper writes the divergence between every two experts; the released code, whose numbers are published, compares
    each with the mean, and so does this. Routing and distillation, which the paper adds afterwards, are not built.

    Args:
        class_counts: training samples per class, ``(K,)``.
        max_m: margin of the rarest class, >= 0, in units of the cosine.
        scale: s of the cosine heads, > 0.
        diversity: weight of the divergence; -.45 in the released CIFAR settings, -.2 the default of the code.
        temperature: > 0, of the most frequent class.
        spread: 0..1, how far the temperature follows the class size.
        start: epoch, or share of the epochs, from which on classes differ in weight and temperature. Of phase 1:
            in phase 3 they do all along.
        weights: see `ClassCountLoss`; from ``start`` on.
        beta: see `ClassCountLoss`.
        reduction: see `ClassCountLoss`; of LDAM.

    Raises:
        InputError: an option out of range, or as `ClassCountLoss`.

    Source:
        Wang et al. 2021, "Long-tailed recognition by routing diverse distribution-aware experts" (arXiv 2010.01809),
        section 4; frank-xwang/RIDE-LongTailRecognition: model/loss.py.
    """

    required_head: ClassVar[str | None] = "cosine"

    class_temperature: Tensor

    def __init__(
        self,
        class_counts: Sequence[int] | Tensor,
        *,
        max_m: float = 0.5,
        scale: float = 30.0,
        diversity: float = -0.45,
        temperature: float = 1.0,
        spread: float = 0.05,
        start: int | float = 0.8,
        weights: str | Sequence[float] = "effective",
        beta: float = 0.9999,
        reduction: str = "weighted_mean",
    ) -> None:
        super().__init__(class_counts, weights=weights, beta=beta, reduction=reduction)
        self._margin = LDAMLoss(class_counts, max_m=max_m, scale=scale, weights="none", beta=beta, reduction=reduction)
        self._diversity = checked_number("diversity", diversity, -math.inf)
        self._temperature = checked_positive("temperature", temperature)
        epoch_of("start", start, 1)
        self._start, self._late = start, True
        counts = self.class_counts.to(torch.float64)
        relative = checked_number("spread", spread, 0, 1) * (counts / counts.mean() - 1) + 1
        temperatures = self._temperature * relative / relative.max()
        self._mean_temperature = temperatures.mean().item()
        self.register_buffer("class_temperature", temperatures.to(torch.float32), persistent=False)

    @property
    def required_scale(self) -> float | None:
        """The scale s that the margins are multiplied by."""
        return self._margin.required_scale

    @property
    def acting_weight(self) -> Tensor:
        """See `ClassCountLoss`; ones before ``start``."""
        return self.class_weight if self._late else torch.ones_like(self.class_weight)

    def begin_epoch(self, epoch: int, epochs: int) -> None:
        """Let classes differ in weight and temperature from ``start`` on."""
        self._late = epoch >= start_of("loss.start", self._start, epochs)

    def per_sample(self, logits: Tensor, target: Tensor) -> Tensor:
        """LDAM of each sample, ``(N,)``, summed over the experts of logits ``(N, E, K)``."""
        if logits.ndim == 2:
            return self._margin.per_sample(logits, target)
        return torch.stack([self._margin.per_sample(z, target) for z in logits.unbind(1)]).sum(dim=0)

    def _value(self, logits: Tensor, target: Tensor) -> Tensor:
        weighing = self if self._late else self._margin
        value = weighing._mixture(logits, target, self.per_sample)
        return value if logits.ndim == 2 else value + self._diversity * self._divergence(logits)

    def _divergence(self, logits: Tensor) -> Tensor:
        """``t^2`` times the sum over experts of the mean divergence from their mean, of logits ``(N, E, K)``."""
        given = self.class_temperature.to(logits.dtype) if self._late else self._temperature
        mean = (logits.detach().mean(dim=1, keepdim=True) / given).log_softmax(dim=2)
        own = (logits / given).log_softmax(dim=2)
        factor = self._mean_temperature if self._late else self._temperature
        return factor**2 * (mean.exp() * (mean - own)).sum(dim=(1, 2)).mean()
