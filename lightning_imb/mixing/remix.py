"""Remix: mixup whose label goes to the rarer class."""

from collections.abc import Sequence

import torch
from torch import Tensor

from lightning_imb.mixing.mixup import Mixup
from lightning_imb.utils.checked import checked_number


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

    def __init__(
        self,
        class_counts: Sequence[int],
        *,
        alpha: float,
        kappa: float,
        tau: float,
        layer: str | Sequence[str],
        probability: float,
        start: int | float,
        end: int | float | None,
        draw: str,
    ) -> None:
        super().__init__(
            class_counts, alpha=alpha, layer=layer, probability=probability, start=start, end=end, draw=draw
        )
        self.kappa = kappa if kappa == float("inf") else checked_number("mix.kappa", kappa, 1)
        self.tau = checked_number("mix.tau", tau, 0, 1)

    def label_share(self, own: Tensor, mine: Tensor, theirs: Tensor) -> Tensor:
        """Share of the own label, 0 or 1 where one class is much rarer."""
        ratio = self.per_row(self.class_counts, mine) / self.per_row(self.class_counts, theirs)
        share = torch.where((ratio >= self.kappa) & (own < self.tau), 0.0, own)
        return torch.where((ratio <= 1 / self.kappa) & (1 - own < self.tau), 1.0, share)
