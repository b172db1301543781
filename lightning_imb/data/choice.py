"""Which images of a data set are trained and validated on."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from lightning_imb.data.profiles import subsample
from lightning_imb.data.splits import Splits, stratified_split

Profile = Callable[[Sequence[int]], Sequence[int]]


def training_rows(
    splits: Splits, profile: Profile, selection: str, subset_seed: int, val_size: float | int, split_seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
    """Choose the training images by a profile, then hold some of them out to validate; groups stay together.

    Args:
        splits: The data set.
        profile: Maps the available images per class to the wanted ones.
        selection: ``random`` or ``ldam_drw``, see `subsample`.
        subset_seed: Seed of the choice.
        val_size: As ``size`` of `stratified_split`; 0 holds out nothing.
        split_seed: Seed of the split.

    Returns:
        Rows of ``splits.train`` that are trained on, and those held out; None where the data set brings a validation
        split, or nothing is to be held out.
    """
    labels, names = np.asarray(splits.train.labels), splits.train.class_names
    available = np.bincount(labels, minlength=len(names)).tolist()
    numeric = splits.train.values is not None
    counts = _over_filled(profile, available) if numeric else profile(available)
    chosen = subsample(labels, counts, subset_seed, selection)
    if splits.val is not None or not val_size:
        return chosen, None
    groups = None if splits.train.groups is None else splits.train.groups[chosen]
    rest, held = stratified_split(
        labels[chosen], val_size, split_seed, class_names=names, groups=groups, every_class=not numeric
    )
    return chosen[rest], chosen[held]


def _over_filled(profile: Profile, available: Sequence[int]) -> list[int]:
    """Counts of a profile over the bins that have images; bins of numeric targets may be empty, classes may not."""
    filled = [k for k, count in enumerate(available) if count]
    if len(filled) == 1:  # nothing to be imbalanced against
        return list(available)
    counts = [0] * len(available)
    for k, count in zip(filled, profile([available[k] for k in filled]), strict=True):
        counts[k] = count
    return counts
