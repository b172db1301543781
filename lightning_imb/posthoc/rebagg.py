"""REBAGG: ridge regressors on re-sampled bags of the training embeddings, averaged."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import Ridge

from lightning_imb.posthoc.base import Adjusted, Given, PostHoc
from lightning_imb.posthoc.heads import FixedLinear
from lightning_imb.resampling.arrays import draw_seed
from lightning_imb.resampling.regression.bags import OVER, VARIANTS, Bagging
from lightning_imb.resampling.regression.rarity import Partition, Points, Rarity
from lightning_imb.utils.checked import checked_choice, checked_number, checked_whole

_MIN_ALPHA = 1e-6  # features that are 0 everywhere are common in embeddings, and leave nothing to invert


class REBAGG(PostHoc):
    """The trained head gives way to the mean of M ridge regressors, each fitted to a bag that has as many rare targets.

    A bag has N rows, as many as the training set: p rare and N - p normal ones, the latter drawn with replacement.

    - ``balance``: p = N/2; ``variation``: p/N drawn for each bag from 1/3, 2/5, 1/2, 3/5, 2/3.
    - ``copies``: rare rows are drawn with replacement; ``smoter``: p of them without replacement if there are as many,
      else all of them and the rest interpolated (:func:`~lightning_imb.resampling.regression.between.smoter`). The
      paper calls these variants SMT. Bases are drawn with replacement among the rare rows, partners among the k
      nearest of the same run of rare targets, so that no row lies between a very low and a very high target (our
      reading: the released code searches among all rare rows); a run of one row is copied.

    The paper bags any learner; here it is ridge regression in closed form on the embeddings, so that the mean of the
    models is a linear head again. Nothing is searched; the trained head and validation data are not read.

    Args:
        variant: ``balance`` or ``variation``.
        over: ``copies`` or ``smoter``.
        models: M, at least 1.
        relevance: ``extremes`` (box-plot outliers, the paper), ``density`` (sparse bins, our reading), or control
            points ``[[target, relevance], ...]``.
        threshold: Relevance from which a target is rare, in 0..1.
        bins: Number of bins or their edges, for ``density`` alone.
        k: Neighbours that a partner is drawn from, at least 1.
        alpha: Of the ridge penalty ``alpha·|w|²`` beside the sum of squared errors, at least 1e-6; the bias is free.
        random_state: int, ``numpy.random.RandomState`` or None.

    Raises:
        InputError: If a setting is out of range, or (``check_worth`` and ``adjust``) if no target is normal.

    Source:
        Branco, Torgo, Ribeiro 2018, "REBAGG: REsampled BAGGing for imbalanced regression", PMLR 94; paobranco/UBL:
        R/ReBaggRegress.R.
    """

    name = "rebagg"
    task = "regression"

    def __init__(
        self,
        variant: str = "variation",
        over: str = "copies",
        models: int = 10,
        relevance: str | Points = "extremes",
        threshold: float = 0.8,
        bins: int | Sequence[float] | None = None,
        k: int = 5,
        alpha: float = 1.0,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.bagging = Bagging(
            checked_choice("posthoc.variant", variant, VARIANTS),
            checked_choice("posthoc.over", over, OVER),
            checked_whole("posthoc.k", k, 1),
        )
        self.models = checked_whole("posthoc.models", models, 1)
        self.rarity = Rarity(relevance, threshold, bins, "posthoc")
        self.alpha = checked_number("posthoc.alpha", alpha, _MIN_ALPHA)
        self.random_state = random_state

    def check(self, given: Given) -> None:
        """Refuse nothing: bins of targets may be empty, and the trained head is not read."""

    def check_worth(self, given: Given) -> None:
        """Refuse training targets of which all are rare; warn where none is."""
        assert given.numbers is not None, "adjusts regressions alone"
        self.rarity.check(given.numbers)

    def _adjust(self, given: Given) -> Adjusted:
        embedded, target = given.train()
        z, y = embedded.numpy(), target.double().numpy()
        partitions, seed = self.rarity.partitions(y), draw_seed(self.random_state)
        rows, bags = [], []
        for number in range(self.models):
            bag = self.bagging.draw(z, y, partitions, np.random.default_rng([seed, number]))
            ridge = Ridge(alpha=self.alpha).fit(bag.z.astype(np.float64), bag.y)
            rows.append(np.append(ridge.coef_, ridge.intercept_))
            bags.append(bag.counts)
        mean = torch.from_numpy(np.mean(rows, axis=0)).to(embedded.dtype)
        return Adjusted(FixedLinear(mean[None, :-1], mean[-1:]), self._report(partitions, bags))

    def _report(self, partitions: Sequence[Partition], bags: list[dict[str, int]]) -> dict[str, Any]:
        settings = {**self.bagging._asdict(), "models": self.models, "alpha": self.alpha}
        rarity = {"relevance": self.rarity.relevance, "threshold": self.rarity.threshold}
        rare = sum(len(partition.rows) for partition in partitions if partition.rare)
        return {"posthoc": self.name, "searched_on": None, **settings, **rarity, "rare": rare, "bags": bags}
