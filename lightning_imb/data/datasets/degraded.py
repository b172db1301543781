"""Real images with a numeric target: by how much each was turned, blurred or darkened."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_imb.data.degrade import blur, darken, rotate
from lightning_imb.data.drawn import Draws
from lightning_imb.data.laws import Law
from lightning_imb.data.loading import load_all
from lightning_imb.data.numeric import target_bins
from lightning_imb.data.sources import ArraySource, ImageSource
from lightning_imb.data.splits import Splits
from lightning_imb.utils.checked import checked_choice
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.target_bins import TargetBins

_IMAGES_AT_ONCE = 256  # bounds the float32 copies


class _Kind(NamedTuple):
    """A degradation, and the smallest number it takes."""

    apply: Callable[[Tensor, Tensor], Tensor]
    lowest: float


_KINDS = {
    "angle": _Kind(rotate, -np.inf),
    "blur": _Kind(blur, 0.0),
    "brightness": _Kind(darken, 0.0),
}


def degraded(
    images: Splits,
    target: str,
    law: Law | None,
    train_size: int | None,
    test_size: int | None,
    within: Sequence[float],
    bins: int | Sequence[float] | None,
    data_seed: int,
    test_seed: int,
) -> Splits:
    """Turn, blur or darken every image by a number drawn from a law; that number is the target, the class is dropped.

    Training and validation images follow the training law. The test images are degraded by ``test_seed`` and the
    uniform law, the same for all training laws and seeds. How well the number can be told from an image at all is
    not known: a picture may have been dark, blurred or slanted before.

    Args:
        images: A data set of images of one size.
        target: ``angle``, degrees counter-clockwise, see `rotate`; ``blur``, standard deviation of a normal kernel in
            pixels, see `blur`; ``brightness``, factor on the levels, see `darken`.
        law: Density of the number in training and validation; None for the one of the test.
        train_size: How many of the training images are taken, drawn by ``data_seed``; None for all.
        test_size: How many of the test images are taken, drawn by ``test_seed``; None for all.
        within: [low, high], between which the number is uniform in the test set.
        bins: Number of bins of equal width over ``within``, or their edges; None for ten.
        data_seed: Seed of training and validation.
        test_seed: Seed of the test.

    Returns:
        Sources of uint8 images in memory; ``val`` where ``images`` has one.

    Raises:
        InputError: For sizes, seeds, targets or bins that cannot be, bad images, or a law that draws negative numbers
            where none can be.
    """
    kind = _KINDS[checked_choice("dataset.target", target, _KINDS)]
    draws = Draws(law, within, data_seed, test_seed)
    train = _degrade(images.train, kind, draws, "train", train_size)
    val = None if images.val is None else _degrade(images.val, kind, draws, "val", None)
    test = _degrade(images.test, kind, draws, "test", test_size)
    found = target_bins(bins, test.values, within)
    return Splits(_source(train, found), None if val is None else _source(val, found), _source(test, found), found)


class _Degraded(NamedTuple):
    """Images uint8 (N, C, H, W), targets (N,) and names."""

    images: Tensor
    values: NDArray[np.float64]
    names: list[str]


def _degrade(source: ImageSource, kind: _Kind, draws: Draws, split: str, size: int | None) -> _Degraded:
    if isinstance(size, int) and size > len(source):
        raise InputError(f"dataset.{split}_size={size} is more than the {len(source)} images there are: lower it")
    draw = draws.of(split, len(source) if size is None else size, f"dataset.{split}_size")
    values = draw.targets()
    if values.min() < kind.lowest:
        raise InputError(
            f"imbalance.law drew {values.min():g}, but this target is at least {kind.lowest:g}: cut the law off with "
            f"imbalance.law.within=[{kind.lowest:g}, null]"
        )
    rows = np.sort(draw.random(1).permutation(len(source))[: draw.size])
    images, _ = load_all(source, rows)
    parts = zip(*(torch.split(whole, _IMAGES_AT_ONCE) for whole in (images, torch.from_numpy(values))), strict=True)
    return _Degraded(torch.cat([kind.apply(*part) for part in parts]), values, [source.names[i] for i in rows])


def _source(part: _Degraded, bins: TargetBins) -> ArraySource:
    return ArraySource(part.images, bins.of(part.values), bins.names, part.names, part.values)
