"""Train, validation and test: what a data set factory returns, and how a split is made where none exists."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lightning_imb.data.digest import digest
from lightning_imb.data.grouped_split import check_both_sides, grouped_rows
from lightning_imb.data.sources import ImageSource
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.target_bins import TargetBins


class Splits(NamedTuple):
    """The images of one data set.

    Attributes:
        train: Training images.
        val: Validation images; None when the data set brings none.
        test: Test images.
        bins: Of numeric targets; None where the classes are the targets.
        floor: (N,) squared error that the maximum-likelihood estimate from each test image has on average, where it is
            known: a yardstick, not a bound, for who also knows the law of the targets can do better.
    """

    train: ImageSource
    val: ImageSource | None
    test: ImageSource
    bins: TargetBins | None = None
    floor: npt.NDArray[np.float64] | None = None

    @property
    def sources(self) -> list[ImageSource]:
        """Those that are there, training images first."""
        return [source for source in (self.train, self.val, self.test) if source is not None]

    def fingerprint(self) -> str:
        """What tells other data, and is the same for a copy: for a run that goes on."""
        return "-".join(source.fingerprint() for source in self.sources)

    def content_stamp(self) -> str:
        """What tells any changed image, and may differ for a copy: for what other runs take over."""
        return digest([[source.content_stamp() for source in self.sources]])


def stratified_split(
    labels: npt.ArrayLike,
    size: float | int,
    seed: int,
    class_names: Sequence[str] | None = None,
    setting: str = "protocol.val_size",
    groups: npt.NDArray[np.int64] | None = None,
    every_class: bool = True,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Hold out a part of every class.

    Every class is drawn by its own generator, seeded by (seed, class), so a change in one class leaves the
    others' split as it was. With groups, whole groups are held out, which ties the classes to each other: a class
    may give fewer images than ``size`` says, or more where its smallest group has more.

    Args:
        labels: (N,) class indices.
        size: A float is the share of every class, in (0, 1), rounded but at least 1 image held out and at
            least 1 left; an int is the number of images of every class.
        seed: Split seed, at least 0.
        class_names: Names for error messages; None uses the indices.
        setting: What the error message calls ``size``.
        groups: (N,) images of one group stay on one side, see `grouped_rows`; None for no groups.
        every_class: Whether a class must be on both sides. Bins of numeric targets need not: those with too few
            images keep one, and groups go where they go.

    Returns:
        Indices that stay and indices held out, both sorted.

    Raises:
        InputError: For a bad size, or when a class is too small, or its groups too large.
    """
    _check_size(size, setting)
    array = np.asarray(labels, dtype=np.int64)
    counts = np.bincount(array)
    wanted = np.zeros_like(counts)
    for k in np.flatnonzero(counts):
        name = class_names[int(k)] if class_names is not None else str(k)
        wanted[k] = _held_count(size, int(counts[k]), name, setting, every_class)
    if groups is None:
        chosen = _rows_of_each_class(array, wanted, seed)
    else:
        chosen = grouped_rows(array, groups, wanted, seed)
        if every_class:
            check_both_sides(array, groups, chosen, class_names, setting)
    if len(chosen) == 0:
        raise InputError(f"{setting}={size} holds out nothing: no target bin has two images, so lower dataset.bins")
    return np.setdiff1d(np.arange(len(array)), chosen), chosen


def _rows_of_each_class(
    labels: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64], seed: int
) -> npt.NDArray[np.int64]:
    held = [np.empty(0, dtype=np.int64)]
    for k in np.flatnonzero(wanted):
        members = np.flatnonzero(labels == k)
        held.append(np.random.default_rng((seed, int(k))).permutation(members)[: wanted[k]])
    return np.sort(np.concatenate(held))


def hold_out_test(source: ImageSource, test_size: float | int | None, seed: int) -> tuple[ImageSource, ImageSource]:
    """Split a source without a test set into training and test images; groups of images stay together.

    Args:
        source: All images.
        test_size: As ``size`` of `stratified_split`.
        seed: Split seed.

    Raises:
        InputError: When ``test_size`` is None, or as `stratified_split`.
    """
    if test_size is None:
        raise InputError("the data have no test split: set dataset.test_size, e.g. 0.2")
    rest, held = stratified_split(
        source.labels,
        test_size,
        seed,
        source.class_names,
        "dataset.test_size",
        source.groups,
        every_class=source.values is None,
    )
    return source.subset(rest), source.subset(held)


def check_classes(train_labels: npt.ArrayLike, labels: npt.ArrayLike, class_names: Sequence[str], split: str) -> None:
    """Check that a split has every class that the training images have.

    Args:
        train_labels: (N,) class indices of the training images.
        labels: (M,) class indices of the split.
        class_names: K names.
        split: Its name in the message, ``val`` or ``test``.

    Raises:
        InputError: Naming the missing classes.
    """
    missing = [class_names[int(k)] for k in np.setdiff1d(train_labels, labels)]
    if missing:
        raise InputError(
            f"the {split} split has no image of class {', '.join(missing)}: "
            f"add some, or remove the {split} split to have one drawn from the training images"
        )


def _check_size(size: float | int, setting: str) -> None:
    whole = isinstance(size, int) and not isinstance(size, bool)
    if not (size >= 1 if whole else 0 < size < 1):
        raise InputError(f"{setting}={size} must be a share between 0 and 1 or a whole number of images per class")


def _held_count(size: float | int, available: int, name: str, setting: str, every_class: bool) -> int:
    count = size if isinstance(size, int) else max(1, round(available * size))
    if not every_class:
        return min(count, available - 1)
    if not isinstance(size, int):
        count = min(count, max(available - 1, 1))
    if count >= available:
        raise InputError(
            f"{setting}={size} asks for {count} of {available} images of class {name}, but one must stay: "
            f"lower {setting}, add images or use a smaller imbalance.ratio"
        )
    return int(count)
