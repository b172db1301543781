"""Margin-aware mixup."""

from dataclasses import dataclass

import torch
from torch import Tensor

from lightning_imb.mixing.mixup import Mixup
from lightning_imb.utils.checked import checked_number


@dataclass(kw_only=True, eq=False)
class MAMix(Mixup):
    r"""Margin-aware mixup: the point where the label is one half lies nearer to the more frequent class.

    With ``k_c = n_c^exponent`` and ``mu = k_i / (k_i + k_j)``, the partner's input has the share ``lam``, and the own
    label ``1 - lam / (2 mu)`` for ``lam <= mu``, ``(1 - lam) / (2 (1 - mu))`` above; one half at ``lam = mu``, where
    the released code fails. Balanced counts give mixup.

    Args:
        class_counts: see `Mixing`.
        alpha: see `Mixup`.
        exponent: <= 0; -1/4 makes ``k`` the margins of LDAM.
        layer: see `Mixing`.
        probability: see `Mixing`.
        start: see `Mixing`.
        end: see `Mixing`.
        draw: see `Mixing`.

    Raises:
        InputError: a parameter out of range.

    Source:
        Cheng, Mai and Lin 2023, "From SMOTE to Mixup for deep imbalanced classification" (arXiv 2308.15457);
        ntucllab/imbalanced-DL: imbalanceddl/strategy/_mamix_drw.py.
    """

    exponent: float

    def __post_init__(self) -> None:
        super().__post_init__()
        self.margins = self.counts ** -checked_number("mix.exponent times -1", -self.exponent, 0)

    def label_share(self, own: Tensor, mine: Tensor, theirs: Tensor) -> Tensor:
        """Share of the own label; one half where the inputs have the shares of the margins."""
        margin, other = self.per_row(self.margins, mine), self.per_row(self.margins, theirs)
        mu, lam = margin / (margin + other), 1 - own
        return torch.where(lam <= mu, 1 - lam / (2 * mu), (1 - lam) / (2 * (1 - mu)))
