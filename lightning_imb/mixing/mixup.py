"""Mixup of images, and of the maps of a hidden layer."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from lightning_imb.mixing.base import Mixing
from lightning_imb.mixing.draws import Draws
from lightning_imb.mixing.plan import Plan
from lightning_imb.utils.checked import checked_number


@dataclass(kw_only=True, eq=False)
class Mixup(Mixing):
    r"""Mixup: ``x~ = lam x_i + (1 - lam) x_j``, ``y~ = lam y_i + (1 - lam) y_j``, ``lam ~ Beta(alpha, alpha)``.

    ``layer=input`` is mixup; with layers of the network it is manifold mixup. The partner j is a random permutation
    of the batch. The paper's own code draws one ``lam`` for a batch (``draw=batch``).

    Args:
        class_counts: see `Mixing`.
        alpha: >= 0; 0 mixes nothing, 1 is uniform.
        layer: see `Mixing`.
        probability: see `Mixing`.
        start: see `Mixing`.
        end: see `Mixing`.
        draw: see `Mixing`.

    Raises:
        InputError: a negative alpha, or as `Mixing`.

    Source:
        Zhang et al. 2018, "mixup" (arXiv 1710.09412), eq. 1; Verma et al. 2019, "Manifold mixup"
        (arXiv 1806.05236), sec. 2.
    """

    alpha: float

    def __post_init__(self) -> None:
        super().__post_init__()
        checked_number("mix.alpha", self.alpha, 0)

    def draw_plan(self, target: Tensor, shape: Sequence[int], draws: Draws) -> Plan | None:
        """A share of its own for each row and its label."""
        if self.alpha == 0:
            return None
        own = draws.beta(self.alpha, self.alpha)
        partner = draws.permutation()
        return Plan(partner, own, self.label_share(own, target[: draws.size], target[partner]))

    def label_share(self, own: Tensor, mine: Tensor, theirs: Tensor) -> Tensor:
        """Share of the own label.

        Args:
            own: ``(N,)`` shares of the own inputs.
            mine: ``(N,)`` own labels.
            theirs: ``(N,)`` labels of the partners.
        """
        return own
