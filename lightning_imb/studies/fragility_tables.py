"""Tables and numbers of study ``fragility``."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lightning_imb.analysis.archetypes import ARCHETYPES, archetype_counts, archetypes
from lightning_imb.analysis.density import Density
from lightning_imb.analysis.feature_overlap import overlap, overlap_matrix
from lightning_imb.analysis.head_change import HeadChange
from lightning_imb.analysis.magnitude_match import magnitude_match
from lightning_imb.analysis.rank_correlation import rank_correlation
from lightning_imb.analysis.top_features import ABSENT, at_features, shares
from lightning_imb.resampling.rows import Search
from lightning_imb.studies.fragility_figures import Overlaps
from lightning_imb.studies.fragility_views import Seen, View, class_columns, features_read, names_of
from lightning_imb.studies.subject import Subject

Views = Mapping[View, Seen]
BEFORE_AFTER = "overlap_before_after"
_AVERAGED = {
    "abs_log_r_tp": "abs_log_r_tp",
    "excess_abs_log_r_tp": "excess_abs_log_r_tp",
    "abs_log_r_fn": "abs_log_r_fn",
    "overlap_train_test": "overlap_train_test",
    "null_overlap_train_test": "null_overlap_train_test",
    "overlap_tp_fn": "overlap_tp_fn_test",
    BEFORE_AFTER: BEFORE_AFTER,
} | {name: f"{name}_train" for name in ("diversity_a", "diversity_b", "diversity_c", "diversity_c_matched")}
_RANKED = ("abs_log_r_tp", "excess_abs_log_r_tp", "diversity_b", "diversity_c_matched")


def classes_table(views: Views, same_extractor: bool) -> pd.DataFrame:
    """Measures of every class in every view; what the stages share where they have one extractor."""
    tables = []
    for view, seen in views.items():
        before, shared = views.get(View("before", view.kind)), np.full(len(seen.classes), np.nan)
        if view.stage == "after" and before is not None and same_extractor:
            shared = overlap(before.train.top_features(view.kind), seen.train.top_features(view.kind))
        tables.append(seen.classes.assign(**{BEFORE_AFTER: shared}))
    table = pd.concat(tables, ignore_index=True)
    return table[[*table.columns.drop("note"), "note"]]


def top_features_table(subject: Subject, views: Views) -> pd.DataFrame:
    """Identity, magnitude, share and frequency of each class's top features, by view and split."""
    tables = []
    for view, seen in views.items():
        for split, found in {"train": seen.train, "test": seen.test}.items():
            features = found.top_features(view.kind)
            magnitude = at_features(found.magnitude(view.kind), features)
            frequency = at_features(found.frequency, features)
            columns = {"feature": features, "magnitude": magnitude, "share": shares(magnitude), "frequency": frequency}
            table = _by_rank(subject, features, columns)
            tables.append(table.assign(embedding=view.kind, stage=view.stage, split=split))
    return _first(pd.concat(tables, ignore_index=True), "embedding", "stage", "split")


def match_table(subject: Subject, views: Views) -> pd.DataFrame:
    """Magnitudes at the features of training, and R_c of each, by view."""
    tables = []
    for view, (train, test, _) in views.items():
        features = train.top_features(view.kind)
        columns = {"feature": features, "train_tp": at_features(train.tp, features)}
        for part, values in {"tp": test.tp, "fn": test.fn}.items():
            columns[f"test_{part}"] = at_features(values, features)
            columns[f"r_{part}"] = magnitude_match(train.tp, values, features).ratio
        tables.append(_by_rank(subject, features, columns).assign(embedding=view.kind, stage=view.stage))
    return _first(pd.concat(tables, ignore_index=True), "embedding", "stage")


def density_table(subject: Subject, found: Density, features: NDArray[np.int64]) -> pd.DataFrame:
    """Density ratios of every class and feature of the reference class."""
    chosen = np.tile(features, (subject.num_classes, 1))
    return _by_rank(subject, chosen, {"feature": chosen, "rate": found.rate, "raw": found.raw})


def closest_classes(subject: Subject, embedding: str, matrix: NDArray[np.float64]) -> pd.DataFrame:
    """For each class the other class that shares most of its top features; -1 and nothing where none is defined."""
    others = np.where(np.eye(len(matrix), dtype=bool) | np.isnan(matrix), -1.0, matrix)
    closest, shared = others.argmax(axis=1), others.max(axis=1)
    known = shared >= 0
    columns = {
        "closest_class": np.where(known, closest, ABSENT),
        "closest_class_name": np.where(known, names_of(subject, closest), ""),
        "overlap": np.where(known, shared, np.nan),
    }
    return _first(class_columns(subject).assign(embedding=embedding, **columns), "embedding")


def archetypes_table(subject: Subject) -> pd.DataFrame:
    """Counts and shares of safe, border, rare and outlier training images of each class, for the final network."""
    labels = subject.labels("train")
    kinds = archetypes(features_read(subject, "after", "train"), labels, Search(device=subject.device.type))
    counts = archetype_counts(kinds, labels, subject.num_classes)
    total = counts.sum(axis=1)
    columns: dict[str, NDArray[np.generic]] = dict(zip(ARCHETYPES, counts.T, strict=True))
    columns |= {f"{kind}_share": n / np.where(total > 0, total, np.nan) for kind, n in columns.items()}
    return class_columns(subject).assign(**columns)


def overlaps_table(embedding: str, overlaps: Overlaps) -> pd.DataFrame:
    """Overlap of every class, or group of classes, with every other, as a matrix."""
    table = pd.DataFrame(overlaps.matrix, columns=overlaps.labels)
    table.insert(0, "group" if overlaps.grouped else "class_name", overlaps.labels, allow_duplicates=True)
    table.insert(0, "embedding", embedding, allow_duplicates=True)
    return table


def head_table(subject: Subject, change: HeadChange) -> pd.DataFrame:
    """Change of the head's weights of each class."""
    return class_columns(subject).assign(relative=change.class_relative, frobenius=change.class_frobenius)


def view_numbers(view: View, table: pd.DataFrame, class_overlap: float) -> dict[str, float]:
    """Macro means over classes and rank correlations of a view."""
    numbers = {
        name: _mean(table[column])
        for name, column in _AVERAGED.items()
        if name != BEFORE_AFTER or table[column].notna().any()  # most views have nothing to compare with
    }
    numbers["overlap_classes"] = class_overlap
    for name in _RANKED:
        for by, column in {"count": "train_images", "recall": "recall"}.items():
            numbers[f"spearman_{name}_{by}"] = rank_correlation(table[_AVERAGED[name]], table[column])
    return {f"{view.prefix}{name}": value for name, value in numbers.items()}


def class_overlap(seen: Seen, view: View) -> NDArray[np.float64]:
    """Overlap of every class with every class in training, (C, C), NaN on the diagonal."""
    features = seen.train.top_features(view.kind)
    matrix = overlap_matrix(features, features)
    np.fill_diagonal(matrix, np.nan)
    return matrix


def _by_rank(subject: Subject, features: NDArray[np.int64], columns: Mapping[str, NDArray[np.generic]]) -> pd.DataFrame:
    """One row per class and rank, from arrays (C, K); classes without features are left out."""
    rows, ranks = np.nonzero(features != ABSENT)
    table = class_columns(subject).iloc[rows].reset_index(drop=True)
    return table.assign(rank=ranks + 1, **{name: values[rows, ranks] for name, values in columns.items()})


def _first(table: pd.DataFrame, *names: str) -> pd.DataFrame:
    return table[[*names, *table.columns.drop(list(names))]]


def _mean(values: "pd.Series[float]") -> float:
    return float(values.mean())  # over the classes where it is defined
