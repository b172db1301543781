"""What study ``fragility`` sees of a run: the features of its classes, by stage and kind of embedding."""

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import nn

from lightning_imb.analysis.class_embeddings import Embedded
from lightning_imb.analysis.class_measures import class_measures
from lightning_imb.analysis.class_profiles import CEClass, ClassProfiles, EmbeddingKind, class_profiles
from lightning_imb.analysis.match_by_chance import Answered, match_by_chance
from lightning_imb.data.kept_embeddings import weights_digest
from lightning_imb.studies.subject import Stage, Subject

KINDS: tuple[EmbeddingKind, ...] = ("ce", "fe")
WHAT = {"ce": "classification embeddings", "fe": "feature embeddings"}


class Reading(NamedTuple):
    """How embeddings are read, see the fields of the study."""

    ce_class: CEClass
    signed: bool
    top: int
    matched_rows: int | None
    repetitions: int
    seed: int


class View(NamedTuple):
    """One network and one kind of embedding."""

    stage: Stage
    kind: EmbeddingKind

    @property
    def prefix(self) -> str:
        """What the names of its numbers begin with; CE of the final network has the plain names."""
        return "fragility/" + ("before/" if self.stage == "before" else "") + ("fe/" if self.kind == "fe" else "")


class Seen(NamedTuple):
    """What a view shows.

    Attributes:
        train: Profiles of the training images.
        test: Profiles of the test images.
        classes: (C rows) measures, with columns that say which class.
    """

    train: ClassProfiles
    test: ClassProfiles
    classes: pd.DataFrame


def see(subject: Subject, view: View, reading: Reading) -> Seen:
    """Look at train and test images with the network of a stage."""
    train, test = (profiles(subject, view, split, reading) for split in ("train", "test"))
    here, there = (answered(subject, view.stage, split) for split in ("train", "test"))
    _, signed, top, _, repetitions, seed = reading
    chance = match_by_chance(here, there, view.kind, top, signed, repetitions, seed)
    measures = class_measures(train, test, view.kind, reading.matched_rows, chance)
    said = {"embedding": view.kind, "stage": view.stage}
    table = pd.concat([class_columns(subject).assign(**said), measures], axis=1)
    table["note"] = [_missing(*row) for row in zip(train.right, test.rows, test.right, strict=True)]
    return Seen(train, test, table[[*said, *table.columns.drop(list(said))]])


def profiles(subject: Subject, view: View, split: Literal["train", "test"], reading: Reading) -> ClassProfiles:
    """Profiles of the classes in a split."""
    answers = answered(subject, view.stage, split)
    return class_profiles(*answers, view.kind, reading.top, reading.ce_class, reading.signed)


def answered(subject: Subject, stage: Stage, split: str) -> Answered:
    """Embeddings of a split and what a stage answers."""
    return Answered(embedded_split(subject, stage, split), subject.labels(split), subject.predicted(split, stage))


def embedded_split(subject: Subject, stage: Stage, split: str) -> Embedded:
    """Embeddings and head of a stage; a head without one vector per class leaves the features as they are."""
    z, head = subject.embeddings(split, stage), subject.head(stage)
    if head is None:
        classes = subject.num_classes
        return Embedded(z, np.full((classes, z.shape[1]), np.nan), np.full(classes, np.nan))
    return Embedded(z, head.weight, head.bias, head.scale if head.kind == "cosine" else None)


def features_read(subject: Subject, stage: Stage, split: str) -> NDArray[np.float32]:
    """(N, D) FE of a split; those of a cosine head are normalised, as it reads them."""
    embedded = embedded_split(subject, stage, split)
    if embedded.scale is None:
        return embedded.z
    features = np.empty_like(embedded.z)
    for block in embedded.blocks(np.arange(len(features))):
        features[block] = embedded.features(block)
    return features


def units_of(subject: Subject, stage: Stage) -> str:
    """Hash of the parameters of an extractor: where it is the same, a feature's index means the same feature.

    Running statistics of batch norm, which some ways to retrain go on with, rescale a feature and leave it what it is.
    """
    return weights_digest(nn.ParameterList(subject.model(stage).extractor_module.parameters()))


def class_columns(subject: Subject) -> pd.DataFrame:
    """Columns that say which class a row is about."""
    counts = subject.train_counts
    return pd.DataFrame({"class": range(len(counts)), "class_name": subject.class_names, "train_images": counts})


def names_of(subject: Subject, classes: NDArray[np.int64]) -> list[str]:
    """Names of classes by position."""
    return [subject.class_names[c] for c in classes.tolist()]


def _missing(train_right: int, test_rows: int, test_right: int) -> str:
    """Why some measures of a class are not defined; empty where all may be."""
    reasons = {
        "no true positive in train": train_right == 0,
        "no test image": test_rows == 0,
        "no true positive in test": test_right == 0 < test_rows,
        "no false negative in test": test_right == test_rows > 0,
    }
    return "; ".join(reason for reason, holds in reasons.items() if holds)
