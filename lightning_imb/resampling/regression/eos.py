"""EOS for regression: convex combinations of rows of rare targets and near rows of other targets. An experiment."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lightning_imb.resampling.pairing import Indices, Pairing, checked_range, draw_pairs, single_pairing
from lightning_imb.resampling.regression.base import Made
from lightning_imb.resampling.regression.between import between
from lightning_imb.resampling.regression.by_bin import BINS, ByBin, Numbered
from lightning_imb.resampling.regression.enemies import enemy_pairing, nearest_enemy
from lightning_imb.utils.checked import checked_choice, checked_number, checked_whole
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.target_bins import TargetBins, bins_of


class RegressionEOS(ByBin):
    """Over-sample by convex combinations of a bin's rows and their nearest enemies, targets included.

    Our experiment after EOS (Dablain et al. 2022), not a published method. An enemy of a row is another row whose
    target differs by at least ``enemy_distance``. A row is eligible if one of its k nearest rows (Euclidean, among all
    rows) is an enemy: there the embedding tells two targets badly apart. For each bin below the fullest one, draw an
    eligible base i of the bin uniformly with replacement, one of its enemies p and r ~ U[low, high), and emit ``z_i +
    r·(z_p - z_i)`` with the target ``y_i + r·(y_p - y_i)`` (``targets="mix"``) or ``y_i`` (``"keep"``).

    EOS keeps the label of the base, because classes cannot be mixed; a point on the way to an enemy that keeps its
    target would teach a regressor a step where the two meet. With ``mix`` the pair is a mixup along the steepest
    change of the target among neighbours: a linear head that is right at both ends is right between them too, and at
    most learns which of its errors count. Hence r <= 0.5 by default: new rows, and their targets, stay nearer to the
    rare base than to the enemy, which mostly belongs to a fuller bin. A mixed target may all the same leave the bin of
    its base, so bins are raised by bases; the report counts what left. ``r_range=[0, 0]`` gives copies.

    Args:
        bins: Number of bins of equal width over the range of the targets, or their edges in ascending order.
        share: Of the rows of the fullest bin, to which the others are raised, in 0..1.
        k: Neighbours searched, at least 1; more than N - 1 means N - 1.
        enemy_distance: Least difference of an enemy's target, above 0; None: the mean width of a bin.
        r_range: Bounds of r, ``0 <= low <= high <= 1``.
        targets: ``mix`` or ``keep``.
        enemy: ``uniform`` among the enemies within k, or the ``nearest``.
        ineligible: What becomes of rows without an enemy within k: ``nearest_enemy`` pairs them with the nearest enemy,
            however far; ``drop``, the default of EOS, never uses them as a base. An embedding that tells targets well
            leaves few rows eligible, and ``drop`` then makes a bin out of very few of its rows.
        on_empty: What a bin without any eligible row does under ``drop``: ``nearest_enemy`` as above; ``random`` copies
            its rows. Where no target is far enough to be an enemy, rows are never a base, and bins of such rows alone
            are copied.
        random_state: int, ``numpy.random.RandomState`` or None.

    Attributes:
        report_: One dict per bin: ``bin``, ``real`` and ``made`` rows, ``eligible`` rows, ``left``: how many made
            targets lie in another bin, and ``fallback``: ``nearest_enemy`` or ``random`` for bins without an eligible
            row, or None. The last three are None where nothing was made.

    Raises:
        InputError: If a setting is out of range, or if no two targets are enemies.

    Source:
        After Dablain et al. 2022 (arXiv 2207.06080), who treat classification; the step to targets is ours.
    """

    reported = ("eligible", "left", "fallback")

    def __init__(
        self,
        *,
        bins: int | Sequence[float],
        share: float = 1.0,
        k: int = 10,
        enemy_distance: float | None = None,
        r_range: tuple[float, float] = (0.0, 0.5),
        targets: str = "mix",
        enemy: str = "uniform",
        ineligible: str = "nearest_enemy",
        on_empty: str = "nearest_enemy",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        super().__init__(bins, share, random_state)
        self.k = checked_whole("resampler.k", k, 1)
        self.enemy_distance = _checked_distance(enemy_distance)
        self.r_range = checked_range("resampler.r_range", r_range)
        self.targets = checked_choice("resampler.targets", targets, ("mix", "keep"))
        self.enemy = checked_choice("resampler.enemy", enemy, ("uniform", "nearest"))
        self.ineligible = checked_choice("resampler.ineligible", ineligible, ("drop", "nearest_enemy"))
        self.on_empty = checked_choice("resampler.on_empty", on_empty, ("nearest_enemy", "random"))

    def check_targets(self, y: ArrayLike) -> None:
        """Refuse targets of which no two are enemies."""
        values = np.asarray(y, dtype=np.float64)
        wanted = self._distance(bins_of(self.bins, values, BINS))
        if np.ptp(values) < wanted:
            raise InputError(
                f"no two training targets differ by enemy_distance={wanted:g} (they range from {values.min():g} to "
                f"{values.max():g}); set a smaller resampler.enemy_distance"
            )

    def _distance(self, bins: TargetBins) -> float:
        """How far the target of an enemy is, at least."""
        return self.enemy_distance or (bins.edges[-1] - bins.edges[0]) / len(bins)

    def _make(
        self, table: Numbered, rows: Indices, number: int, rng: np.random.Generator
    ) -> tuple[Made, dict[str, Any]]:
        z, y, bins = table
        pairing, outcome = self._pair(table, rows)
        bases, partners = draw_pairs(pairing, number, rng)
        low, high = self.r_range
        r = low + (high - low) * rng.random(number)
        made = y[bases] + r * (y[partners] - y[bases]) if self.targets == "mix" else y[bases]
        left = int((bins.of(made) != bins.of(y[bases])).sum())
        return Made(between(z, bases, partners, r), made), {**outcome, "left": left}

    def _pair(self, table: Numbered, rows: Indices) -> tuple[Pairing, dict[str, Any]]:
        """Return the pairing of one bin, its number of eligible rows and the fallback taken."""
        z, y, bins = table
        distance = self._distance(bins)
        pairing = enemy_pairing(rows, z, y, distance, self.k, nearest_only=self.enemy == "nearest")
        lonely = pairing.counts == 0
        empty = bool(lonely.all())
        outcome: dict[str, Any] = {"eligible": int((~lonely).sum()), "fallback": None}
        if lonely.any() and (self.ineligible == "nearest_enemy" or (empty and self.on_empty == "nearest_enemy")):
            far = nearest_enemy(rows[lonely], z, y, distance)
            pairing.partners[lonely, 0] = far
            pairing.counts[lonely] = far >= 0
        pairing = pairing.select(pairing.counts > 0)
        if len(pairing.bases) == 0:
            return single_pairing(rows, rows), {**outcome, "fallback": "random"}
        return pairing, {**outcome, "fallback": "nearest_enemy" if empty else None}


def _checked_distance(distance: float | None) -> float | None:
    if distance is None or checked_number("resampler.enemy_distance", distance, 0) > 0:
        return distance
    raise InputError("resampler.enemy_distance is 0; give a number above 0, or null for the width of a bin")
