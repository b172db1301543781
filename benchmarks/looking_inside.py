"""What the analyses are measured on, and what each of them does there: the product's side."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.case import Settings
from benchmarks.cases.imagenet_lt import class_sizes
from benchmarks.embeddings import clustered_rows
from lightning_imb.analysis.archetypes import archetype_counts, archetypes
from lightning_imb.analysis.cka import linear_cka
from lightning_imb.analysis.class_embeddings import Embedded
from lightning_imb.analysis.class_profiles import class_profiles
from lightning_imb.analysis.density import density_ratio
from lightning_imb.analysis.diversity import distinct_features_at, effective_features
from lightning_imb.analysis.embedding_map import plane
from lightning_imb.analysis.gap import Labelled, class_gaps
from lightning_imb.resampling.rows import Search

ROWS, WIDTH, CLASSES, LARGEST, SMALLEST, TESTED = 100_000, 2048, 1000, 1280, 5, 10
TOP, MATCHED, DRAWS, MAPPED, PERPLEXITY = 10, 20, 100, 1000, 30

Found = tuple[int, tuple[float, ...]]  # rows worked on, and some of what was found there, rounded, to compare the sides


class Inside(NamedTuple):
    """Embeddings of a training and of a test set, beside a head.

    Attributes:
        z: (N, D) float32 training rows, non-negative, class by class.
        y: (N,) their classes.
        tested: (M, D) test rows, of each class as many.
        truth: (M,) their classes.
        answers: (M,) what a model says of them: right for three of four.
        weight: (K, D) of the head.
    """

    z: NDArray[np.float32]
    y: NDArray[np.int64]
    tested: NDArray[np.float32]
    truth: NDArray[np.int64]
    answers: NDArray[np.int64]
    weight: NDArray[np.float32]

    @property
    def classes(self) -> int:
        """K."""
        return len(self.weight)


def inside(settings: Settings) -> Inside:
    """100,000 rows of 2,048 features in a long tail of 1,000 classes; toy sizes for ``quick``."""
    size = settings.size
    classes, width = size(CLASSES, 6), size(WIDTH, 12)
    counts = class_sizes(size(ROWS, 200), classes, size(LARGEST, 100), SMALLEST)
    z, y = clustered_rows(counts, width)
    tested, truth = clustered_rows([TESTED] * classes, width, seed=1)
    rng = np.random.default_rng(2)
    wrong = rng.random(len(truth)) < 1 / 4
    answers = np.where(wrong, (truth + 1) % classes, truth)
    return Inside(z, y, tested, truth, answers, rng.standard_normal((classes, width), dtype=np.float32))


def gaps(data: Inside) -> Found:
    """Generalization gap of every class: raw, matched and null, true positives and false negatives."""
    train, test, classes = Labelled(data.z, data.y), Labelled(data.tested, data.truth), range(data.classes)
    table = class_gaps(train, test, data.answers, classes, repetitions=DRAWS, seed=0)
    return len(data.z), (round(table["gap"].sum(), 2), round(table["gap_fn"].sum(), 2))


def classification(data: Inside) -> Found:
    """Class-wise magnitude, top features and frequency of classification embeddings."""
    found = class_profiles(_embedded(data), data.y, data.y, "ce", TOP)
    return len(data.z), (round(float(np.nansum(found.tp)), 1), int(found.top_features("ce").sum()))


def diversity_and_density(data: Inside) -> Found:
    """Effective and distinct features of every class, at equal numbers of rows too, and density ratios."""
    found = class_profiles(_embedded(data), data.y, data.y, "fe", TOP)
    effective = effective_features(found.contained)
    distinct = distinct_features_at(found.contained, found.rows, MATCHED)
    ratios = density_ratio(found.contained, found.rows, found.top_features("fe")[0], 0).rate
    sums = (float(np.nansum(values)) for values in (effective, distinct, ratios))
    return len(data.z), tuple(round(value, 3) for value in sums)


def neighbourhoods(data: Inside) -> Found:
    """Safe, border, rare and outlier rows by the five nearest neighbours of every row."""
    counts = archetype_counts(archetypes(data.z, data.y, Search()), data.y, data.classes)
    return len(data.z), tuple(counts.sum(axis=0).tolist())


def similarity(data: Inside) -> Found:
    """Debiased linear CKA of the left and the right half of the features."""
    left, right = np.split(data.z, 2, axis=1)
    return len(data.z), (round(linear_cka(left, right, debiased=True), 6),)


def mapped(data: Inside) -> Found:
    """t-SNE of a thousand rows."""
    places = plane(data.z[:: len(data.z) // MAPPED or 1], "tsne", perplexity=PERPLEXITY, seed=0)
    return len(places), ()


def _embedded(data: Inside) -> Embedded:
    return Embedded(data.z, data.weight, np.zeros(data.classes))
