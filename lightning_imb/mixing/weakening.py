"""Major feature weakening, the remedy of Procrustean training."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lightning_imb.mixing.base import Mixing
from lightning_imb.mixing.draws import Draws
from lightning_imb.mixing.laws import LAWS, kept_shares, majors
from lightning_imb.mixing.plan import Plan
from lightning_imb.utils.checked import checked_choice, checked_flag, checked_number


@dataclass(kw_only=True, eq=False)
class MajorFeatureWeakening(Mixing):
    r"""MFW (our reading): features of larger classes are mixed with others of the batch, and keep their label.

    ``z~_i = lam_i z_i + (1 - lam_i) z_partner(i)``, loss of ``z~_i`` with the label ``y_i``; ``lam_i`` comes from the
    size of the class (see `lightning_imb.mixing.laws`) and is 1 for the smallest. With ``g_j`` the gradient of row j's
    loss with respect to ``z~_j``, that of ``z_i`` is ``lam_i g_i`` if partners are detached, else ``lam_i g_i`` plus
    ``(1 - lam_j) g_j`` for all rows j whose partner is i. Nothing is mixed where ``lam`` is 1 for all classes.

    Layer, law, partner, label, epoch and all numbers are choices of this project: the paper's abstract states the idea,
    its code is not public.

    Args:
        class_counts: see `Mixing`.
        law: ``fixed`` (alias ``step``), ``linear``, ``log`` or ``power``.
        lam_min: least share of the own features, 0..1; from .5 on they outweigh the partner's.
        threshold: of ``law=fixed`` and ``partner=minor_only``: classes with more samples are major; None: the mean.
        power: of ``law=power``, >= 0.
        spread: how ``lam_i`` varies around the class's ``lam_c``: ``none``; ``beta``: ``1 - (1 - lam_c) u`` with
            ``u ~ Beta(a, b)``; ``folded_beta``: ``1 - (1 - lam_c) 2 (1 - t)`` with ``t ~ Beta(a, a)`` or its
            mirror image, whichever is the larger.
        a: of Beta, > 0.
        b: of Beta, > 0.
        partner: ``any`` other row of the batch (a permutation), or ``minor_only``: rows of minor classes, drawn with
            replacement; any row where the batch has none, which ``without_minor`` counts.
        deranged: of ``partner=any``: no row is its own partner.
        partner_detach: whether partners get no gradient from the row they weaken.
        label: ``keep``; or ``mix``, which is manifold mixup restricted to the larger classes.
        layer: see `Mixing`; after the last batch norm (``embedding``) the statistics of batch norm stay those of whole
            features.
        probability: see `Mixing`.
        start: see `Mixing`.
        end: see `Mixing`; the epoch that switches weakening off.
        draw: see `Mixing`.

    Raises:
        InputError: a setting out of range.

    Source:
        Ye, Zhan and Chao 2021, "Procrustean training for imbalanced deep learning" (arXiv 2104.01769).
    """

    law: str
    lam_min: float
    threshold: float | None
    power: float
    spread: str
    a: float
    b: float
    partner: str
    deranged: bool
    partner_detach: bool
    label: str

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.threshold is not None:
            checked_number("mix.threshold", self.threshold, 0)
        self.kept = kept_shares(
            self.counts,
            checked_choice("mix.law", self.law, LAWS),
            checked_number("mix.lam_min", self.lam_min, 0, 1),
            self.threshold,
            checked_number("mix.power", self.power, 0),
        )
        self.minor = ~majors(self.counts, self.threshold)
        checked_choice("mix.spread", self.spread, ("none", "beta", "folded_beta"))
        checked_number("mix.a", self.a, 1e-3)
        checked_number("mix.b", self.b, 1e-3)
        checked_choice("mix.partner", self.partner, ("any", "minor_only"))
        checked_flag("mix.deranged", self.deranged)
        checked_flag("mix.partner_detach", self.partner_detach)
        checked_choice("mix.label", self.label, ("keep", "mix"))
        self.without_minor = torch.zeros((), dtype=torch.int64)

    @property
    def mixes_labels(self) -> bool:
        """Whether labels are mixed as the features are."""
        return self.label == "mix"

    def draw_plan(self, target: Tensor, shape: Sequence[int], draws: Draws) -> Plan | None:
        """Shares by the size of each row's class; None where no class is weakened, or no other row is there."""
        if draws.size < 2 or bool((self.kept == 1).all()):
            return None
        mine = target[: draws.size]
        weakened = (1 - self.per_row(self.kept, mine)) * self._strength(draws)
        own = 1 - weakened
        return Plan(self._partners(mine, draws), own, own if self.mixes_labels else None, detach=self.partner_detach)

    def _strength(self, draws: Draws) -> Tensor | float:
        """How much of a class's weakening a row gets."""
        if self.spread == "none":
            return 1.0
        if self.spread == "beta":
            return draws.beta(self.a, self.b)
        t = draws.beta(self.a, self.a)
        return 2 * (1 - torch.maximum(t, 1 - t))

    def _partners(self, mine: Tensor, draws: Draws) -> Tensor:
        if self.partner == "any":
            return draws.permutation(self.deranged)
        minor = self.minor.to(mine.device)[mine]
        self.without_minor = self.without_minor.to(mine.device) + ~minor.any()
        return draws.pick(minor)
