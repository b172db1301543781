"""All that is measured of the features of each class, train beside test, as one table."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lightning_imb.analysis.class_profiles import ClassProfiles, EmbeddingKind
from lightning_imb.analysis.diversity import (
    distinct_features,
    distinct_features_at,
    effective_features,
    features_for_share,
)
from lightning_imb.analysis.feature_overlap import overlap
from lightning_imb.analysis.magnitude_match import magnitude_match
from lightning_imb.analysis.match_by_chance import ChanceMatch
from lightning_imb.analysis.top_features import at_features, top_features


def class_measures(
    train: ClassProfiles, test: ClassProfiles, kind: EmbeddingKind, matched_rows: int | None, chance: ChanceMatch
) -> pd.DataFrame:
    """Put the measures of Dablain et al. 2022 (arXiv 2210.09465; formulas are our reading) into a row per class.

    Args:
        train: Profiles of the training rows.
        test: Profiles of the test rows, of the same features and classes.
        kind: Whether they are of CE or FE.
        matched_rows: Rows of each class at which distinct features are counted (reading c at equal size), at least 1,
            in both splits; None for `smallest_class`.
        chance: What random divisions of the same rows give, see `match_by_chance`.

    Returns:
        C rows. ``train_rows``, ``train_tp``, ``test_rows``, ``test_tp``: numbers of rows; ``recall`` on test;
        ``magnitude_*``: mean over T_c (of training) of the magnitude over true positives or false negatives;
        ``log_r_*``, ``abs_log_r_*``, ``dropped_*``: see `magnitude_match`; ``null_abs_log_r_tp`` (and ``_sd``): mean
        and standard deviation over the random divisions, ``excess_abs_log_r_tp``: what is above that mean;
        ``diversity_a_*`` to ``diversity_c_*``, ``diversity_c_matched_*`` by split, see
        `lightning_imb.analysis.diversity`, the last at ``matched_rows``; ``overlap_train_test``: of T_c, and
        ``null_overlap_train_test``: mean over the random divisions; ``overlap_tp_fn_*``: of the top-K over true
        positives with those over false negatives. NaN where not defined.

        Few rows alone raise ``abs_log_r_*`` and lower every overlap. A shift adds less to a noisy mean than to a sharp
        one, so that the excess of a small class says too little rather than too much.
    """
    recall = np.divide(test.right, test.rows, out=np.full(len(test.rows), np.nan), where=test.rows > 0)
    sizes = {"train_rows": train.rows, "train_tp": train.right, "test_rows": test.rows, "test_tp": test.right}
    overlaps = {"overlap_train_test": overlap(train.top_features(kind), test.top_features(kind))}
    diversities: dict[str, NDArray[np.float64]] = {}
    size = matched_rows or smallest_class(train, test)
    for split, profiles in {"train": train, "test": test}.items():
        overlaps[f"overlap_tp_fn_{split}"] = _right_and_wrong(profiles)
        diversities |= {f"{name}_{split}": v for name, v in _diversity(profiles, kind, size).items()}
    matches = _match(train, test, kind)
    by_chance = _by_chance(matches["abs_log_r_tp"], chance)
    measures = sizes | {"recall": recall} | matches | diversities | overlaps | by_chance
    return pd.DataFrame(measures).assign(matched_rows=size)


def smallest_class(train: ClassProfiles, test: ClassProfiles) -> int:
    """Rows of the smallest class of either split that has any."""
    rows = np.concatenate([train.rows, test.rows])
    return int(rows[rows > 0].min())


def _match(train: ClassProfiles, test: ClassProfiles, kind: EmbeddingKind) -> dict[str, NDArray[np.float64]]:
    features = train.top_features(kind)
    parts = {"train_tp": train.tp, "test_tp": test.tp, "test_fn": test.fn}
    columns = {f"magnitude_{part}": at_features(values, features).mean(axis=1) for part, values in parts.items()}
    for part, values in {"tp": test.tp, "fn": test.fn}.items():
        match = magnitude_match(train.tp, values, features)
        columns |= {f"log_r_{part}": match.log, f"abs_log_r_{part}": match.abs_log}
        columns[f"dropped_{part}"] = match.dropped.astype(np.float64)
    return columns


def _by_chance(abs_log: NDArray[np.float64], chance: ChanceMatch) -> dict[str, NDArray[np.float64]]:
    null, shared = (pd.DataFrame(values.T) for values in chance)  # their means leave out divisions without a number
    return {
        "null_abs_log_r_tp": null.mean().to_numpy(),
        "null_abs_log_r_tp_sd": null.std().to_numpy(),
        "excess_abs_log_r_tp": abs_log - null.mean().to_numpy(),
        "null_overlap_train_test": shared.mean().to_numpy(),
    }


def _diversity(profiles: ClassProfiles, kind: EmbeddingKind, size: int) -> dict[str, NDArray[np.float64]]:
    there = profiles.rows > 0
    return {
        "diversity_a": features_for_share(profiles.magnitude(kind)),
        "diversity_b": effective_features(profiles.contained),
        "diversity_c": np.where(there, distinct_features(profiles.contained), np.nan),
        "diversity_c_matched": distinct_features_at(profiles.contained, profiles.rows, size),
    }


def _right_and_wrong(profiles: ClassProfiles) -> NDArray[np.float64]:
    return overlap(top_features(profiles.tp, profiles.top), top_features(profiles.fn, profiles.top))
