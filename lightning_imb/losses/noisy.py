"""What the losses share that draw random numbers."""

from abc import abstractmethod
from functools import partial
from typing import ClassVar

from torch import Tensor

from lightning_imb.losses.base import ClassCountLoss


class NoisyLoss(ClassCountLoss):
    """A loss under noise that is drawn once a batch, from torch's global generator.

    All labels of a mixed target meet the same noise, so that their losses differ by the label alone.
    """

    draws: ClassVar[bool] = True

    @abstractmethod
    def draw(self, logits: Tensor) -> Tensor:
        """Noise for logits ``(N, K)``, of their shape and on their device."""

    @abstractmethod
    def under(self, noise: Tensor, logits: Tensor, target: Tensor) -> Tensor:
        """Unweighted loss of each sample, ``(N,)``, under given noise."""

    def per_sample(self, logits: Tensor, target: Tensor) -> Tensor:
        """Unweighted loss of each sample, ``(N,)``, under fresh noise."""
        return self.under(self.draw(logits), logits, target)

    def _value(self, logits: Tensor, target: Tensor) -> Tensor:
        return self._mixture(logits, target, partial(self.under, self.draw(logits)))
