"""A finished run that is only arrays: embeddings, labels, and a linear head per stage."""

from types import SimpleNamespace

import numpy as np

from lightning_imb.models.class_weights import HeadWeights
from lightning_imb.studies.subject import Balanced


class ArraysSubject:
    """What studies of embeddings and heads ask of a subject.

    Args:
        counts: (K,) training rows per class; ``per_test`` test rows of each.
        resampler: Over-sampler of embeddings with ``fit_resample``; None where there is no phase 2.
        stages: Of the run.
        moved: What the stage before adds to all embeddings: another extractor.
        noise: Standard deviation of the rows of a class.
        images_too: Whether the run over-samples images as well, which leaves no balanced set.
        kind: Of the head: ``linear``, ``cosine``, or ``experts``, which has no weight vector per class.
    """

    def __init__(
        self,
        counts=(40, 20, 8),
        per_test=30,
        resampler=None,
        stages=("before", "after"),
        moved=0.0,
        kind="linear",
        names=None,
        row="eos",
        seed=0,
        features=6,
        noise=1.0,
        images_too=False,
    ):
        rng = np.random.default_rng(0)
        self.class_names = [f"class {c}" for c in range(len(counts))] if names is None else list(names)
        self.train_counts, self.num_classes = list(counts), len(counts)
        self.protocol, self.stages = "holdout, best bacc", tuple(stages)
        self.row, self.seed, self.label = row, seed, f"{row}, seed {seed}"
        self.cfg = SimpleNamespace(
            retrain=SimpleNamespace(enabled=len(self.stages) == 2),
            resampler=_node(resampler is not None),
            oversample=_node(images_too),
        )
        self._kind, self._moved = kind, moved
        centres = np.abs(rng.normal(0, 2, (self.num_classes, features)))
        self._weights = {"before": centres * np.linspace(2, 1, len(counts))[:, None], "after": centres}
        self._y = {"train": np.repeat(np.arange(self.num_classes), counts)}
        self._y["test"] = np.repeat(np.arange(self.num_classes), per_test)
        self._z = {
            split: np.abs(centres[y] + rng.normal(0, noise, (len(y), features))).astype(np.float32)
            for split, y in self._y.items()
        }
        self.balanced = None
        if resampler is not None and not images_too:
            z, y = resampler.fit_resample(self._z["train"], self._y["train"])
            self.balanced = Balanced(z, y, sum(counts), getattr(resampler, "report_", None))

    def embeddings(self, split, stage="after"):
        return self._z[split] + np.float32(self._moved if stage == "before" else 0)

    def labels(self, split):
        return self._y[split]

    def classify(self, z, stage="after"):
        return (z @ self._weights[stage].T - (self._weights[stage] ** 2).sum(axis=1) / 2).astype(np.float32)

    def predicted(self, split, stage="after"):
        return self.classify(self.embeddings(split, stage), stage).argmax(axis=1)

    def head(self, stage="after"):
        if self._kind == "experts":
            return None
        weight = self._weights[stage].astype(np.float32)
        return HeadWeights(weight, np.zeros(self.num_classes, np.float32), self._kind, 1.0)

    def track(self, items, description, total=None):
        return iter(items)


def _node(over_samples):
    name = "RandomOverSampler" if over_samples else "NoResampling"
    return SimpleNamespace(_target_=f"lightning_imb.resampling.{name}")
