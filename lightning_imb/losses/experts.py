"""What losses of several experts share."""

from abc import ABC
from typing import ClassVar, Protocol, runtime_checkable

from torch import Tensor, nn

from lightning_imb.losses.base import ClassCountLoss
from lightning_imb.utils.errors import InputError


@runtime_checkable
class Experts(Protocol):
    """A head that knows the logits of each expert."""

    def experts(self, z: Tensor) -> Tensor:
        """Logits ``(N, E, K)`` of embeddings."""


class ExpertLoss(ClassCountLoss, ABC):
    """A loss of the logits of each expert, ``(N, E, K)``; the model predicts by their mean over the experts.

    Logits ``(N, K)`` stand for experts that agree.

    Raises:
        InputError: as `ClassCountLoss`, a head of one expert, or another number of experts than the loss trains.
    """

    number: ClassVar[int | None] = None
    """How many experts it trains; None for any number from 2 on."""

    def from_embeddings(self, head: nn.Module, z: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Loss of a batch by the logits of each expert, and the mean logits ``(N, K)``."""
        if not isinstance(head, Experts):
            raise InputError(
                f"{type(self).__name__} trains several experts, but the head is a {type(head).__name__} of one: "
                f"set model.experts={self.number or 3}, and in phase 3 retrain.trains=head"
            )
        logits = head.experts(z)
        return self(logits, target), logits.mean(dim=1)

    def _check_batch(self, logits: Tensor, target: Tensor) -> None:
        if logits.ndim != 3:
            return super()._check_batch(logits, target)
        if self.number not in (None, logits.shape[1]):
            raise InputError(
                f"{type(self).__name__} trains {self.number} experts, not {logits.shape[1]}: "
                f"set model.experts={self.number}"
            )
        return super()._check_batch(logits[:, 0], target)
