"""CutMix, and CMO, which pastes the boxes of a second, rarer stream of images."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lightning_imb.mixing.base import Mixing
from lightning_imb.mixing.draws import Draws
from lightning_imb.mixing.plan import INPUT, Plan
from lightning_imb.utils.checked import checked_number
from lightning_imb.utils.errors import InputError


@dataclass(kw_only=True, eq=False)
class CutMix(Mixing):
    r"""CutMix: a box of the partner's image replaces that part of the own one.

    ``lam ~ Beta(alpha, alpha)``; the box has sides ``int(W sqrt(1 - lam))`` and ``int(H sqrt(1 - lam))`` around a
    uniform centre, clipped at the border; the own label then has the share ``1 - box area / (W H)``. (The released code
    halves the sides in whole pixels, so that its boxes of odd sides are one pixel smaller.)

    Args:
        class_counts: see `Mixing`.
        alpha: >= 0; 0 mixes nothing.
        layer: see `Mixing`; boxes are cut from images, so ``input`` only.
        probability: see `Mixing`.
        start: see `Mixing`.
        end: see `Mixing`.
        draw: see `Mixing`.

    Raises:
        InputError: a parameter out of range, or another layer.

    Source:
        Yun et al. 2019, "CutMix" (arXiv 1905.04899), eq. 1 and 2.
    """

    alpha: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.layers != (INPUT,):
            raise InputError(f"mix.layer is {self.layer!r}, but boxes are cut from images; use mix.layer=input")
        checked_number("mix.alpha", self.alpha, 0)

    def draw_plan(self, target: Tensor, shape: Sequence[int], draws: Draws) -> Plan | None:
        """A box for each row, from its partner's image."""
        if self.alpha == 0:
            return None
        height, width = shape[-2:]
        side = (1 - draws.beta(self.alpha, self.alpha)).sqrt()
        top, bottom = _cut(draws.pixel(height), side, height)
        left, right = _cut(draws.pixel(width), side, width)
        own = 1 - ((bottom - top) * (right - left)).to(torch.float32) / (height * width)
        return Plan(self.partners(target, draws), own, own, boxes=torch.stack([top, bottom, left, right], dim=1))

    def partners(self, target: Tensor, draws: Draws) -> Tensor:
        """``(N,)`` rows that boxes are taken from."""
        return draws.permutation()


@dataclass(kw_only=True, eq=False)
class CMO(CutMix):
    r"""Context-rich minority over-sampling: CutMix whose boxes come from a second stream of rarer images.

    The background is the ordinary batch; the image whose box is pasted is drawn with replacement, each row with
    probability proportional to ``n_c^-power``.

    Args:
        class_counts: see `Mixing`.
        alpha: see `CutMix`.
        power: >= 0; 1 draws all classes alike, 0 all images.
        layer: see `CutMix`.
        probability: see `Mixing`; .5 in the paper.
        start: see `Mixing`; the released code mixes while ``3 < epoch < epochs - 3``.
        end: see `Mixing`.
        draw: see `Mixing`; ``batch`` also draws once for the batch whether it is mixed, as the released code does.

    Raises:
        InputError: as `CutMix`, or a negative power.

    Source:
        Park et al. 2022, "The majority can help the minority" (arXiv 2112.00412), algorithm 1;
        naver-ai/cmo: cifar_train.py.
    """

    power: float

    def __post_init__(self) -> None:
        super().__post_init__()
        checked_number("mix.power", self.power, 0)

    @property
    def second(self) -> float:
        """The power of the rarity of a row."""
        return self.power

    def partners(self, target: Tensor, draws: Draws) -> Tensor:
        """The rows of the second stream, one for each."""
        if len(target) != 2 * draws.size:
            raise InputError(f"CMO needs a second row for each of {draws.size}, but the batch has {len(target)} rows")
        return torch.arange(draws.size, 2 * draws.size, device=target.device)


def _cut(centre: Tensor, side: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Begin and end of a box along one axis, clipped at the borders."""
    pixels = (side * length).to(torch.int64)
    begin = centre - pixels // 2
    return begin.clamp_min(0), (begin + pixels).clamp_max(length)
