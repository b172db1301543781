"""Class-stratified splits that never part images which belong together, such as several views of one patient."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lightning_imb.utils.errors import InputError


def grouped_rows(
    labels: npt.NDArray[np.int64], groups: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64], seed: int
) -> npt.NDArray[np.int64]:
    """Choose whole groups until every class has as many images as wanted, or the next group would be too many.

    Groups are looked at in a random order and taken where none of their classes gets more than it should. A class
    whose groups are all larger than what it lacks ends with fewer images than wanted. Groups are drawn with equal
    chances; only the last ones of a class are the rather small ones that still fit. A class that wants fewer images
    than its smallest group has of it gets as many as that one has, if another group of the class stays.

    Args:
        labels: (N,) class indices.
        groups: (N,) which group each image belongs to; a group may hold images of several classes.
        wanted: (K,) images of each class.
        seed: Of the order, at least 0.

    Returns:
        Sorted rows that were chosen.
    """
    names, group_of = np.unique(groups, return_inverse=True)
    holds = np.zeros((len(names), len(wanted)), dtype=np.int64)
    np.add.at(holds, (group_of, labels), 1)
    room, taken = _room(holds, wanted), np.zeros(len(names), dtype=bool)
    for group in np.random.default_rng(seed).permutation(len(names)):
        if (holds[group] <= room).all():
            taken[group] = True
            room -= holds[group]
    return np.flatnonzero(taken[group_of])


def _room(holds: npt.NDArray[np.int64], wanted: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(K,) images of each class that may be taken, so that one group fits; ``holds`` is (groups, K) images."""
    smallest = np.where(holds > 0, holds, holds.sum(axis=0)).min(axis=0)
    splittable = (wanted > 0) & ((holds > 0).sum(axis=0) > 1)
    return np.where(splittable, np.maximum(wanted, smallest), wanted)


def check_both_sides(
    labels: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    held: npt.NDArray[np.int64],
    class_names: Sequence[str] | None,
    setting: str,
) -> None:
    """Check that every class has images on either side of a split.

    Args:
        labels: (N,) class indices.
        groups: (N,) which group each image belongs to.
        held: Rows that were held out.
        class_names: Names for the message; None uses the indices.
        setting: What the message calls the size of the split.

    Raises:
        InputError: Naming the class whose groups are too large to be split, or only one.
    """
    for k in np.unique(labels):
        inside = int((labels[held] == k).sum())
        if 0 < inside < int((labels == k).sum()):
            continue
        name = class_names[int(k)] if class_names is not None else str(k)
        if len(np.unique(groups[labels == k])) == 1:
            raise InputError(
                f"all images of class {name} belong to one group, so {setting} cannot hold out some of them: "
                "add images of another group, or set dataset.groups=null"
            )
        raise InputError(
            f"the groups of class {name} are too large to hold out {setting} without parting one: "
            f"raise {setting}, or set dataset.groups=null"
        )
