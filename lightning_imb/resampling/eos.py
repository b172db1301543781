"""EOS, expansive over-sampling: synthetic rows between minority rows and their nearest enemies."""

import logging
import numbers
from collections.abc import Hashable
from typing import Any, ClassVar, NamedTuple

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from lightning_imb.resampling.arrays import Grown, Matrix, Strategy, dense_floats, draw_seed
from lightning_imb.resampling.base import SMOTE_NEIGHBORS, EmbeddingOverSampler
from lightning_imb.resampling.device import resolved_device
from lightning_imb.resampling.neighbors import nearest, nearest_enemy
from lightning_imb.resampling.pairing import (
    Indices,
    Pairing,
    checked_range,
    draw_pairs,
    enemy_pairing,
    interpolate,
    single_pairing,
    smote_pairing,
)
from lightning_imb.resampling.proposals import require_faiss
from lightning_imb.resampling.rows import Search
from lightning_imb.utils.errors import InputError

logger = logging.getLogger(__name__)


class EOS(EmbeddingOverSampler):
    """Over-sample by convex combinations of a class's rows and their nearest enemies.

    For each class c below its target: a row is *eligible* if one of its k nearest rows (Euclidean, among
    all rows, itself excluded by index) is an enemy, that is, of any other class. Draw an eligible base i
    uniformly with replacement, one of its enemy neighbours p uniformly and r ~ U[0, 1), and emit
    ``x_i + r·(x_p − x_i)`` with label c. Non-negative features give non-negative synthetic features.

    The rows of the input come first, unchanged, then the synthetic rows class by class in ascending order.
    Each class draws from its own generator, seeded by the random state and the position of the class among
    the sorted classes, so a change in one class leaves the draws of the others as they were. Integer
    features are truncated, as imbalanced-learn does.

    Args:
        sampling_strategy: imbalanced-learn's: ``"auto"`` brings every class to the size of the largest;
            a dict gives targets per class; a float is the binary ratio.
        k: neighbours per row, at least 1; more than N - 1 means N - 1.
        variant: ``"corrected"`` pairs a base with the enemy drawn; ``"official"`` reproduces the released
            code, which looks the drawn position up in a table shifted by one: the partner is one rank
            nearer than the enemy, hence often of the own class, or the base itself (an exact copy).
        r_range: bounds of r, ``0 <= low <= high <= 1``.
        per_feature: draw one r per feature instead of one per row.
        enemy: ``"uniform"`` among the enemy neighbours, or only the ``"nearest"`` of them.
        ineligible: what becomes of rows without an enemy neighbour: ``"drop"`` never uses them as a base,
            ``"nearest_enemy"`` pairs them with the nearest row of another class, however far.
        on_empty: what a class without any eligible row does: ``"nearest_enemy"`` pairs each of its rows
            with the nearest row of another class; ``"smote"`` with its 5 nearest of the own class
            (``"random"`` for a single row); ``"random"`` copies rows; ``"error"`` raises.
        device: where neighbours are searched: ``"cpu"``, ``"cuda"``, or ``"auto"`` (cuda if there is one).
        memory_mb: upper bound in MiB, at least 1, for what the search and the interpolation hold above the rows, the
            table of neighbours and the result, whatever N and D.
        backend: what proposes the k neighbours: ``"torch"`` or ``"faiss"`` (float32 on the CPU; torch does the
            rest). The result is the same.
        random_state: int, ``numpy.random.RandomState`` or None.

    Attributes:
        sampling_strategy_: number of rows to generate per class.
        report_: one dict per class in ascending order: ``label``, ``n`` rows, ``generated`` rows,
            ``eligible`` rows, ``partners``: how many partners drawn were the base itself (``copy``), of the
            ``same_class`` or an ``enemy``, and ``fallback``: the ``on_empty`` action taken, or None.
            ``eligible`` and ``partners`` are None where nothing was to be generated.

    Raises:
        InputError: (``fit_resample``) one class only, an impossible ``r_range``, no CUDA device, no faiss, or a
            class without eligible rows under ``on_empty="error"``.

    References:
        Dablain, Bellinger, Krawczyk, Chawla: "Efficient Augmentation for Imbalanced Deep Learning",
        arXiv 2207.06080; algorithm as in the released code, dd1github/EOS, EOS.py.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseOverSampler._parameter_constraints,
        "k": [Interval(numbers.Integral, 1, None, closed="left")],
        "variant": [StrOptions({"corrected", "official"})],
        "r_range": [tuple, list],
        "per_feature": ["boolean"],
        "enemy": [StrOptions({"uniform", "nearest"})],
        "ineligible": [StrOptions({"drop", "nearest_enemy"})],
        "on_empty": [StrOptions({"nearest_enemy", "smote", "random", "error"})],
        "device": [StrOptions({"cpu", "cuda", "auto"})],
        "memory_mb": [Interval(numbers.Integral, 1, None, closed="left")],
        "backend": [StrOptions({"torch", "faiss"})],
    }

    def __init__(
        self,
        *,
        sampling_strategy: Strategy = "auto",
        k: int = 10,
        variant: str = "corrected",
        r_range: tuple[float, float] = (0.0, 1.0),
        per_feature: bool = False,
        enemy: str = "uniform",
        ineligible: str = "drop",
        on_empty: str = "nearest_enemy",
        device: str = "cpu",
        memory_mb: int = 512,
        backend: str = "torch",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.k = k
        self.variant = variant
        self.r_range = r_range
        self.per_feature = per_feature
        self.enemy = enemy
        self.ineligible = ineligible
        self.on_empty = on_empty
        self.device = device
        self.memory_mb = memory_mb
        self.backend = backend
        self.random_state = random_state

    def _validate_params(self) -> None:
        """Check also what scikit-learn's constraints cannot say: the order of ``r_range``, the device, faiss."""
        super()._validate_params()
        checked_range("r_range", self.r_range)
        resolved_device(self.device)
        if self.backend == "faiss":
            require_faiss()

    def _fit_resample(self, X: Matrix, y: NDArray[Any]) -> tuple[Matrix, NDArray[Any]]:
        r_range, seed = checked_range("r_range", self.r_range), draw_seed(self.random_state)
        labels, classes = np.unique(y, return_inverse=True)
        table = _Table(dense_floats(X), classes, Search(resolved_device(self.device), self.memory_mb, self.backend))
        missing = np.array([self.sampling_strategy_.get(label, 0) for label in labels])
        counts = np.bincount(classes)
        members = np.split(np.argsort(classes, kind="stable"), np.cumsum(counts)[:-1])
        around = self._look_around(np.flatnonzero(missing[classes] > 0), table)
        grown = Grown(X, int(missing.sum()))
        self.report_: list[dict[str, Any]] = []
        for position, label in enumerate(labels.tolist()):
            number = int(missing[position])
            report = {"label": label, "n": int(counts[position]), "generated": number}
            if number == 0:
                self.report_.append({**report, "eligible": None, "partners": None, "fallback": None})
                continue
            rng = np.random.default_rng([seed, position])
            pairing, outcome = self._pair(label, members[position], table, around)
            pairs = draw_pairs(pairing, number, rng)
            for points in interpolate(table.data, pairs, r_range, self.per_feature, rng, table.search):
                grown.add(points)
            self.report_.append({**report, **outcome, "partners": _count_partners(*pairs, classes)})
            _log(self.report_[-1])
        return grown.result(), np.concatenate([y, np.repeat(labels, missing).astype(y.dtype)])

    def _look_around(self, queried: Indices, table: "_Table") -> "_Surroundings":
        """Search the neighbours of all rows that can be a base, and the nearest enemies where they are needed."""
        classes = table.classes
        neighbors = nearest(queried, table.data, self.k, table.search)
        eligible = np.zeros(len(queried), dtype=bool)
        for column in neighbors.T:  # a column at a time: the table of neighbours is large
            eligible |= classes[column] != classes[queried]
        empty = np.bincount(classes[queried], weights=eligible, minlength=classes.max() + 1) == 0
        lost = np.zeros_like(eligible)
        if self.ineligible == "nearest_enemy":
            lost = ~eligible
        elif self.on_empty == "nearest_enemy":
            lost = empty[classes[queried]]
        enemies = np.full(len(queried), -1)
        enemies[lost] = nearest_enemy(queried[lost], table.data, classes, table.search)
        return _Surroundings(queried, neighbors, enemies)

    def _pair(
        self, label: Hashable, rows: Indices, table: "_Table", around: "_Surroundings"
    ) -> tuple[Pairing, dict[str, Any]]:
        """Return the pairing of one class, its number of eligible rows and the fallback taken."""
        official, nearest_only = self.variant == "official", self.enemy == "nearest"
        at = np.searchsorted(around.queried, rows)
        pairing = enemy_pairing(rows, around.neighbors[at], table.classes, official=official, nearest_only=nearest_only)
        lonely = pairing.counts == 0
        outcome: dict[str, Any] = {"eligible": int((~lonely).sum()), "fallback": None}
        if self.ineligible == "nearest_enemy" and lonely.any():
            pairing.partners[lonely, 0] = around.enemies[at[lonely]]
            pairing.counts[lonely] = 1
        elif lonely.all():
            pairing, outcome["fallback"] = self._pair_without_enemies(label, rows, around.enemies[at], table)
        return pairing.select(pairing.counts > 0), outcome

    def _pair_without_enemies(
        self, label: Hashable, rows: Indices, enemies: Indices, table: "_Table"
    ) -> tuple[Pairing, str]:
        """Return the pairing of a class that has no eligible row, and the name of what was done."""
        if self.on_empty == "error":
            raise InputError(
                f"No row of class {label!r} has an enemy among its k={self.k} nearest rows; "
                "raise k or set on_empty to nearest_enemy, smote or random."
            )
        if self.on_empty == "nearest_enemy":
            return single_pairing(rows, enemies), "nearest_enemy"
        if self.on_empty == "smote" and len(rows) > 1:
            return smote_pairing(rows, table.data, SMOTE_NEIGHBORS, table.search), "smote"
        return single_pairing(rows, rows), "random"


class _Table(NamedTuple):
    """What is searched: data (N, D) float32 or float64, classes (N,) as positions, and how."""

    data: NDArray[Any]
    classes: Indices
    search: Search


class _Surroundings(NamedTuple):
    """What lies around the rows that can be a base.

    Attributes:
        queried: (Q,) these rows, ascending.
        neighbors: (Q, K) their neighbours, nearest first.
        enemies: (Q,) their nearest row of another class where a fallback may need it, elsewhere -1.
    """

    queried: Indices
    neighbors: Indices
    enemies: Indices


def _count_partners(base: Indices, partner: Indices, classes: Indices) -> dict[str, int]:
    """Count the partners drawn: the base itself, another row of its class, a row of another class."""
    copies, same = base == partner, classes[base] == classes[partner]
    return {
        "copy": int(copies.sum()),
        "same_class": int((same & ~copies).sum()),
        "enemy": int((~same).sum()),
    }


def _log(report: dict[str, Any]) -> None:
    """Log one class; a fallback is worth a warning."""
    logger.log(
        logging.WARNING if report["fallback"] else logging.DEBUG,
        "EOS class %s: %d rows, %d eligible, %d generated, partners %s, fallback %s",
        *(report[key] for key in ("label", "n", "eligible", "generated", "partners", "fallback")),
    )
