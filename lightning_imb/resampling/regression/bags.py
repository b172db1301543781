"""Bags of a training set with a chosen share of rare targets."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightning_imb.resampling.pairing import Indices
from lightning_imb.resampling.regression.base import Floats, Made
from lightning_imb.resampling.regression.between import draw_neighbors, smoter
from lightning_imb.resampling.regression.rarity import Partition

VARIANTS = ("balance", "variation")
OVER = ("copies", "smoter")
RARE_SHARES = (1 / 3, 2 / 5, 1 / 2, 3 / 5, 2 / 3)
"""What ``variation`` draws the share of rare rows from."""


class Bag(NamedTuple):
    """Rows of one model.

    Attributes:
        z: (N, D).
        y: (N,) targets.
        counts: How many rows are ``rare`` (made ones among them), ``normal`` and ``interpolated``.
    """

    z: NDArray[Any]
    y: Floats
    counts: dict[str, int]


class Bagging(NamedTuple):
    """How bags are drawn.

    Attributes:
        variant: ``balance``: half of each bag is rare; ``variation``: a share of `RARE_SHARES`, drawn for each bag.
        over: ``copies``: rare rows are drawn with replacement; ``smoter``: without, and where there are too few of them
            all are taken and the rest is interpolated within the runs of rare targets.
        k: Neighbours that a partner is drawn from, at least 1.
    """

    variant: str
    over: str
    k: int

    def draw(self, z: NDArray[Any], y: Floats, partitions: Sequence[Partition], rng: np.random.Generator) -> Bag:
        """Draw a bag of as many rows as there are.

        Args:
            z: (N, D) rows.
            y: (N,) targets.
            partitions: Runs of rare and of normal targets, at least one of the latter; without rare ones a bag is drawn
                as in plain bagging.
            rng: The bag's generator.
        """
        share = 0.5 if self.variant == "balance" else rng.choice(RARE_SHARES)
        among = _rows_of(partitions, rare=True)
        wanted = round(share * len(y)) if len(among) else 0
        rare, bases = self._draw_rare(among, wanted, rng)
        normal = rng.choice(_rows_of(partitions, rare=False), len(y) - wanted)
        rows = np.concatenate([rare, normal])
        parts = [Made(z[rows], y[rows]), *self._interpolated(z, y, bases, partitions, rng)]
        counts = {"rare": wanted, "normal": len(normal), "interpolated": sum(len(part.y) for part in parts[1:])}
        return Bag(np.concatenate([part.z for part in parts]), np.concatenate([part.y for part in parts]), counts)

    def _draw_rare(self, rare: Indices, wanted: int, rng: np.random.Generator) -> tuple[Indices, Indices]:
        """Rare rows of a bag, and bases of what is missing."""
        if wanted == 0:
            return rare[:0], rare[:0]
        if self.over == "copies":
            return rng.choice(rare, wanted), rare[:0]
        if wanted <= len(rare):
            return rng.choice(rare, wanted, replace=False), rare[:0]
        return rare, rng.choice(rare, wanted - len(rare))

    def _interpolated(
        self, z: NDArray[Any], y: Floats, bases: Indices, partitions: Sequence[Partition], rng: np.random.Generator
    ) -> Iterator[Made]:
        """Rows between bases (M,) and neighbours of the same run; a row that is alone in its run is copied."""
        for partition in partitions:
            own = bases[np.isin(bases, partition.rows)]
            if len(own) == 0:
                continue
            alone = len(partition.rows) == 1
            partners = own if alone else draw_neighbors(z, partition.rows, own, self.k, rng)
            yield smoter(z, y, own, partners, rng)


def _rows_of(partitions: Sequence[Partition], *, rare: bool) -> Indices:
    rows = [partition.rows for partition in partitions if partition.rare == rare]
    return np.concatenate([np.empty(0, dtype=np.int64), *rows])
