"""Remix: mixup whose label goes to the rarer class."""

from dataclasses import dataclass

import torch
from torch import Tensor

from lightning_imb.mixing.mixup import Mixup
from lightning_imb.utils.checked import checked_number


@dataclass(kw_only=True, eq=False)
class Remix(Mixup):
    r"""Remix: mixup whose label goes to the rarer class where counts differ much.

    With ``r = n_i / n_j``: the own label has share 0 if ``r >= kappa`` and ``lam < tau``; 1 if ``r <= 1 / kappa`` and
    ``1 - lam < tau``; else ``lam``. ``kappa = inf`` is mixup.

    Args:
        class_counts: see `Mixing`.
        alpha: see `Mixup`.
        kappa: ratio of counts from which the rarer label wins, >= 1; ``inf`` never.
        tau: 0..1, share of the rarer input below which the label stays mixed.
        layer: see `Mixing`.
        probability: see `Mixing`.
        start: see `Mixing`.
        end: see `Mixing`.
        draw: see `Mixing`.

    Raises:
        InputError: a parameter out of range.

    Source:
        Chou et al. 2020, "Remix: rebalanced mixup" (arXiv 2007.03943), eq. 7.
    """

    kappa: float
    tau: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kappa != float("inf"):
            checked_number("mix.kappa", self.kappa, 1)
        checked_number("mix.tau", self.tau, 0, 1)

    def label_share(self, own: Tensor, mine: Tensor, theirs: Tensor) -> Tensor:
        """Share of the own label, 0 or 1 where one class is much rarer."""
        ratio = self.per_row(self.counts, mine) / self.per_row(self.counts, theirs)
        share = torch.where((ratio >= self.kappa) & (own < self.tau), 0.0, own)
        return torch.where((ratio <= 1 / self.kappa) & (1 - own < self.tau), 1.0, share)
