"""What all ways of mixing share: where, when, how often, and draws that belong to the batch."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from lightning_imb.mixing.draws import Draws
from lightning_imb.mixing.plan import Plan
from lightning_imb.utils.checked import checked_choice, checked_number, epoch_of
from lightning_imb.utils.errors import InputError

_NEITHER_ORDER_NOR_AUGMENTATION = 2  # which draw from the key itself and from the key with another last bit


class Moment(NamedTuple):
    """Where a training is: epoch, 0-based, of how many, and the seed of the batch's draws."""

    epoch: int
    epochs: int
    key: int


class Mixer(Protocol):
    """Decides how each training batch is mixed."""

    layers: tuple[str, ...]
    """Where it may mix."""

    @property
    def mixes_labels(self) -> bool:
        """Whether it makes soft targets."""

    @property
    def second(self) -> float | None:
        """Power p of rarity by which a second stream is drawn; None needs none.

        What is mixed comes from that stream, whose rows have a probability in proportion to ``n_c^-p``.
        """

    def plan(self, target: Tensor, size: int, shape: Sequence[int], moment: Moment) -> Plan | None:
        """How to mix a batch; None leaves it as it is.

        Args:
            target: ``(R,)`` int64 labels of all rows.
            size: N <= R, the rows of the batch itself; those after it are a second stream.
            shape: of one input, ``(C, H, W)``.
            moment: Where the training is.
        """

    def mixes_in(self, epochs: int) -> bool:
        """Whether any epoch of a training of that many mixes."""


class NoMixing:
    """Leaves every batch as it is.

    Args:
        class_counts: training samples per class; not used.
    """

    layers: tuple[str, ...] = ()
    mixes_labels = False
    second: float | None = None

    def __init__(self, class_counts: Sequence[int]) -> None:
        self.class_counts = class_counts

    def plan(self, target: Tensor, size: int, shape: Sequence[int], moment: Moment) -> Plan | None:
        """None."""
        return None

    def mixes_in(self, epochs: int) -> bool:
        """False."""
        return False


@dataclass(kw_only=True, eq=False)
class Mixing(ABC):
    """A way of mixing with the settings that all ways have.

    Draws come from a generator of their own, seeded by the batch: mixing changes neither the order of the images nor
    their augmentation, and a resumed run mixes as an undisturbed one.

    Args:
        class_counts: training samples per class, ``(K,)``, each >= 1.
        layer: ``input``, ``embedding`` (after the extractor) or the name of a module of the extractor, such as
            ``stage2``; of several, one is drawn for each batch.
        probability: 0..1, how often a row is mixed at all.
        start: first epoch that mixes, 0-based; a float is a share of the epochs.
        end: first epoch that does not mix any more; a float is a share, a negative number counts from the last epoch
            backwards, None never ends.
        draw: ``sample``: numbers for each row; ``batch``: the same for all rows of a batch, as most released code does.

    Raises:
        InputError: a setting out of range.
    """

    class_counts: Sequence[int] = field(kw_only=False)
    layer: str | Sequence[str]
    probability: float
    start: int | float
    end: int | float | None
    draw: str

    def __post_init__(self) -> None:
        self.counts = torch.as_tensor(list(self.class_counts), dtype=torch.float64)
        self.layers = (self.layer,) if isinstance(self.layer, str) else tuple(self.layer)
        if not self.layers:
            raise InputError("mix.layer is an empty list; name at least one layer, such as input")
        checked_number("mix.probability", self.probability, 0, 1)
        epoch_of("mix.start", self.start, 1)
        if self.end is not None and not (isinstance(self.end, int) and self.end < 0):
            epoch_of("mix.end", self.end, 1)
        checked_choice("mix.draw", self.draw, ("sample", "batch"))

    @property
    def mixes_labels(self) -> bool:
        """See `Mixer`."""
        return True

    @property
    def second(self) -> float | None:
        """See `Mixer`."""
        return None

    @abstractmethod
    def draw_plan(self, target: Tensor, shape: Sequence[int], draws: Draws) -> Plan | None:
        """How to mix a batch that is mixed.

        Args:
            target: ``(R,)`` labels of all rows, the batch itself first.
            shape: of one input.
            draws: Random numbers for the rows of the batch itself.
        """

    def plan(self, target: Tensor, size: int, shape: Sequence[int], moment: Moment) -> Plan | None:
        """How to mix a batch; None before ``start`` and from ``end`` on."""
        if not self._active(moment.epoch, moment.epochs):
            return None
        random = np.random.default_rng([moment.key, _NEITHER_ORDER_NOR_AUGMENTATION])
        draws = Draws(random, size, target.device, each=self.draw == "sample")
        plan = self.draw_plan(target, shape, draws)
        if plan is None:
            return None
        plan = plan._replace(layer=self.layers[draws.one_of(len(self.layers))])
        return plan if self.probability == 1 else _sometimes(plan, draws.uniform() < self.probability)

    def mixes_in(self, epochs: int) -> bool:
        """Whether any epoch of a training of that many lies between ``start`` and ``end``."""
        return any(self._active(epoch, epochs) for epoch in range(epochs))

    def per_row(self, per_class: Tensor, target: Tensor) -> Tensor:
        """Values ``(K,)`` of the classes as one for each label, ``(R,)`` float32."""
        return per_class.to(target.device, torch.float32)[target]

    def _active(self, epoch: int, epochs: int) -> bool:
        end: int | float = epochs if self.end is None else self.end
        last = epochs + int(end) if end < 0 else epoch_of("mix.end", end, epochs)
        return epoch_of("mix.start", self.start, epochs) <= epoch < last


def _sometimes(plan: Plan, mixed: Tensor) -> Plan:
    """A plan in which the other rows keep all of themselves."""
    own = torch.where(mixed, plan.own, 1.0)
    label = None if plan.label is None else torch.where(mixed, plan.label, 1.0)
    boxes = None if plan.boxes is None else plan.boxes * mixed.unsqueeze(1)
    return plan._replace(own=own, label=label, boxes=boxes)
