"""Mean and deviation of the channels of a set of images."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lightning_imb.utils.errors import InputError

_LEVELS = 256


def level_counts(images: Tensor) -> Tensor:
    """How often each level occurs in each channel of uint8 images (N, C, H, W): int64 (C, 256).

    Counts of parts of a set add up to those of the set, and statistics of counts are the same in any order.

    Raises:
        InputError: If the images are no bytes.
    """
    if images.dtype != torch.uint8:
        raise InputError(
            "dataset.mean=auto and dataset.std=auto measure images of bytes, but these inputs are real numbers: "
            "give numbers, such as dataset.mean=[0.0] dataset.std=[1.0]"
        )
    return torch.stack([torch.bincount(channel.flatten(), minlength=_LEVELS) for channel in images.unbind(1)])


def channel_statistics(counts: Tensor) -> tuple[list[float], list[float]]:
    """Mean and standard deviation per channel, in [0, 1], of images with these ``level_counts`` (C, 256).

    A channel without any variation gets the deviation 1, so that normalising stays finite.
    """
    levels = torch.arange(_LEVELS, dtype=torch.float64) / (_LEVELS - 1)
    means, stds = [], []
    for count in counts:
        share = count.double()
        share /= share.sum()
        mean = float(share @ levels)
        variance = float(share @ (levels - mean) ** 2)
        means.append(mean)
        stds.append(variance**0.5 or 1.0)
    return means, stds


def resolve_statistics(
    mean: Sequence[float] | str, std: Sequence[float] | str, channels: int, counts: Callable[[], Tensor]
) -> tuple[Sequence[float], Sequence[float]]:
    """The means and deviations to normalise with.

    Args:
        mean: One number per channel, or ``auto``: that of the images.
        std: Likewise.
        channels: Their number.
        counts: Gives the ``level_counts`` of the images; asked only where something is to be measured.

    Raises:
        InputError: If they are not one number per channel, or a deviation is not positive.
    """
    if "auto" in (mean, std):
        measured = channel_statistics(counts())
        mean = measured[0] if mean == "auto" else mean
        std = measured[1] if std == "auto" else std
    if isinstance(mean, str) or isinstance(std, str) or {len(mean), len(std)} != {channels}:
        raise InputError(f"dataset.mean={mean} and dataset.std={std} must be auto or {channels} numbers each")
    if min(std) <= 0:
        raise InputError(f"dataset.std={std} must be positive, or auto: images are divided by it")
    return mean, std
