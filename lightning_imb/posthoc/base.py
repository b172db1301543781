"""What every post-hoc method shares: a trained head goes in, another head comes out."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lightning_imb.utils.errors import InputError

Embedded = Callable[[], tuple[Tensor, Tensor]]
"""Embeddings (N, D), float32, and labels (N,) of a split, made when asked for."""


class Given(NamedTuple):
    """What a post-hoc method may look at; never test data.

    Attributes:
        head: The trained head, embeddings (N, D) to logits (N, K), on the CPU.
        class_counts: Training samples per class (K,), of the data set.
        train: Training embeddings as evaluation sees them: no augmentation, in order.
        val: Validation embeddings; None where the protocol holds none out.
        head_prior: Shares of the classes (K,) that the plain logits predict for: those of the samples that reached the
            loss, which samplers and over-samplers change, less what the loss took out of the logits, in full or in
            part (logit adjustment, balanced softmax, LADE), class weights not accounted for; None: those of
            ``class_counts``.
        numbers: Training targets (N,) of a regression; None where the targets are classes.
    """

    head: nn.Module
    class_counts: Sequence[int]
    train: Embedded
    val: Embedded | None
    head_prior: Sequence[float] | None = None
    numbers: NDArray[np.float64] | None = None


class Adjusted(NamedTuple):
    """What a post-hoc method made.

    Attributes:
        head: The new head, embeddings (N, D) to logits (N, K).
        report: For ``metrics.json``: ``posthoc`` (the method's name), the parameters used, ``searched_on`` (the split
            that a parameter was searched on, or None) and, after a search, what was tried.
    """

    head: nn.Module
    report: dict[str, Any]


class PostHoc(ABC):
    """Turns a trained head into another one, without training; extractor and batch norm stay as they are."""

    name: ClassVar[str]
    """As the options of ``conf/posthoc`` are called."""
    task: ClassVar[str] = "classification"
    """What its targets are: ``classification`` (classes), ``regression`` (numbers), or ``any``."""

    def check(self, given: Given) -> None:
        """Refuse what cannot work, before anything is trained; embeds nothing.

        Args:
            given: As for `adjust`; the weights of the head need not be trained yet.

        Raises:
            InputError: If this head, this loss or the lack of validation data rules the method out, or a class has no
                training sample.
        """
        counts = torch.as_tensor(given.class_counts)
        if empty := (counts <= 0).nonzero().flatten().tolist():
            raise InputError(
                f"classes {empty} have no training sample, so posthoc={self.name} knows nothing of them; "
                "lower the imbalance ratio or leave these classes out of the data"
            )

    def check_worth(self, given: Given) -> None:  # noqa: B027 most methods always change something
        """Refuse what would change nothing; asked before training, and of finished runs, but not at the end of one.

        Args:
            given: As for `check`.

        Raises:
            InputError: If there is nothing to adjust.
        """

    @torch.no_grad()
    def adjust(self, given: Given) -> Adjusted:
        """Make the new head; the trained one is left as it is.

        Raises:
            InputError: As `check`.
        """
        self.check(given)
        return self._adjust(given)

    @abstractmethod
    def _adjust(self, given: Given) -> Adjusted:
        """`adjust` after its checks, without gradients."""


class NoAdjustment(PostHoc):
    """The trained head as it is."""

    name = "none"
    task = "any"

    def check(self, given: Given) -> None:
        """Refuse nothing."""

    def _adjust(self, given: Given) -> Adjusted:
        return Adjusted(given.head, {"posthoc": self.name, "searched_on": None})


def linear_parts(head: nn.Module, method: str) -> tuple[Tensor, Tensor]:
    """Weight (K, D) and bias (K,), zeros where there is none, of a head that is one linear map.

    Args:
        head: A linear layer, or a head whose method ``linear()`` returns both.
        method: Who asks, for the message.

    Raises:
        InputError: If the head is no such map, for instance a cosine head, whose rows have no length.
    """
    if isinstance(head, nn.Linear):
        without = head.bias is None
        return head.weight, head.weight.new_zeros(head.out_features) if without else head.bias
    parts = getattr(head, "linear", None)
    if not callable(parts) or isinstance(parts, nn.Module):
        raise InputError(
            f"posthoc={method} rescales the rows of a linear head, but the head is a {type(head).__name__}: "
            "set model.head=linear with a loss that allows it, or choose another posthoc"
        )
    weight, bias = parts()
    return weight, bias
