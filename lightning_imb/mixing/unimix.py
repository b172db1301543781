"""UniMix: partners by the rarity of their class."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lightning_imb.mixing.base import Mixing
from lightning_imb.mixing.draws import Draws
from lightning_imb.mixing.plan import Plan
from lightning_imb.utils.checked import checked_number


@dataclass(kw_only=True, eq=False)
class UniMix(Mixing):
    r"""UniMix: partners are drawn by the rarity of their class, and the rarer class of a pair keeps more of itself.

    Partner j has probability proportional to ``n_j^tau`` (tau < 0: rare classes are met more often than they are), and
    ``lam_i = Beta(alpha, alpha) + n_j / (n_i + n_j)``, less 1 if above 1, for input and label.

    Args:
        class_counts: see `Mixing`.
        alpha: > 0.
        tau: exponent of the partner's count; -1 draws the classes of a batch alike, 0 its rows.
        layer: see `Mixing`.
        probability: see `Mixing`.
        start: see `Mixing`.
        end: see `Mixing`.
        draw: see `Mixing`; partners are drawn for each row in any case.

    Raises:
        InputError: a parameter out of range.

    Source:
        Xu, Chai and Yuan 2021, "Towards calibrated model for long-tailed visual recognition from prior perspective"
        (arXiv 2111.03874), eq. 9 to 11; XuZhengzhuo/Prior-LT: core.py.
    """

    alpha: float
    tau: float

    def __post_init__(self) -> None:
        super().__post_init__()
        checked_number("mix.alpha", self.alpha, 1e-3)
        self.rarity = self.counts ** checked_number("mix.tau", self.tau, -10, 10)

    def draw_plan(self, target: Tensor, shape: Sequence[int], draws: Draws) -> Plan | None:
        """A partner for each row, and shares that depend on both counts."""
        partner = draws.pick(self.rarity.to(target.device)[target[: draws.size]])
        mine = self.per_row(self.counts, target[: draws.size])
        theirs = self.per_row(self.counts, target[partner])
        own = draws.beta(self.alpha, self.alpha) + theirs / (mine + theirs)
        own = torch.where(own > 1, own - 1, own)
        return Plan(partner, own, own)
