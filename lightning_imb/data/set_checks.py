"""What training refuses of prepared images."""

from collections.abc import Mapping, Sequence

import numpy as np

from lightning_imb.data.prepare import ImageSet
from lightning_imb.data.splits import check_classes
from lightning_imb.utils.errors import InputError


def check_sets(sets: Mapping[str, ImageSet], class_names: Sequence[str]) -> None:
    """Check that every class is there, in every split, and that all images are of one size.

    Bins of numeric targets may be empty; the targets of the training set must differ.

    Args:
        sets: By split; ``train`` is one of them.
        class_names: K names.

    Raises:
        InputError: Naming the empty classes, the only target, or the sizes.
    """
    values = sets["train"].values
    if values is None:
        _check_every_class(sets, class_names)
    elif len(values) < 2 or bool((values == values[0]).all()):
        raise InputError(
            f"all {len(values)} training targets are {float(values[0]) if len(values) else None}: "
            "a regression needs at least two different ones, so choose another target or imbalance.law"
        )
    shapes = {name: images.shape for name, images in sets.items()}
    if len(set(shapes.values())) > 1:
        raise InputError(f"image sizes differ between the splits, {shapes}: set dataset.image_size")


def _check_every_class(sets: Mapping[str, ImageSet], class_names: Sequence[str]) -> None:
    counts = np.bincount(sets["train"].target, minlength=len(class_names))
    empty = [name for name, count in zip(class_names, counts, strict=True) if count == 0]
    if empty:
        raise InputError(f"no training image for class {', '.join(empty)}: add some or remove the class")
    for name in ("val", "test"):
        if name in sets:
            check_classes(sets["train"].target.numpy(), sets[name].target.numpy(), class_names, name)


def check_shares(sets: Mapping[str, ImageSet], processes: int) -> None:
    """Check that each process has an image of each split.

    Raises:
        InputError: Naming the split that is too small.
    """
    for name, images in sets.items():
        check_share(f"the {name} split has {len(images.target)} images", len(images.target), processes)


def check_share(what: str, rows: int, processes: int) -> None:
    """Check that some rows suffice for all processes; ``what`` begins the sentence if they do not.

    Raises:
        InputError: If there are fewer rows than processes.
    """
    if rows < processes:
        raise InputError(f"{what}, which {processes} processes cannot share: lower accelerator.devices")
