"""Augmentation and normalisation of whole batches, with one random draw per image."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightning_imb.data.batch import Batch


class BatchTransform(nn.Module):
    """Pad-and-crop, horizontal flip and normalisation of a uint8 batch, on the device that holds it.

    Each image gets its own draw (torchvision's v2 transforms make one draw for a whole batch). The draws come
    from a CPU generator seeded with the batch's key, so they do not depend on the device or on workers.
    Equal in distribution to torchvision's ``RandomCrop(size, padding)`` and ``RandomHorizontalFlip()``.

    Args:
        mean: Channel means, in [0, 1].
        std: Channel standard deviations, > 0, on the same scale.
        pad: Pixels of zero padding on each side before a crop of the original size; 0 turns cropping off.
        flip: Whether half of the images are mirrored.
        channels_last: Whether the result lies in memory as (N, H, W, C), which convolutions prefer.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float], pad: int, flip: bool, channels_last: bool) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)
        self.pad = pad
        self.flip = flip
        self.channels_last = channels_last

    def forward(self, batch: Batch) -> Batch:
        """Transform uint8 images (N, C, H, W) to float32; a batch without key is only normalised."""
        images = batch.inputs if batch.key is None else self.augment(batch.inputs, batch.key)
        return batch._replace(inputs=self.normalise(images))

    def augment(self, images: Tensor, key: int) -> Tensor:
        """Crop and flip (N, C, H, W) with one draw per image from a generator seeded with ``key``."""
        n, _, height, width = images.shape
        generator = torch.Generator().manual_seed(key)
        top, left = torch.randint(0, 2 * self.pad + 1, (2, n, 1), generator=generator)
        mirrored = torch.rand(n, 1, generator=generator) < (0.5 if self.flip else 0.0)
        rows = top + torch.arange(height)
        columns = torch.arange(width).expand(n, width)
        columns = left + torch.where(mirrored, columns.flip(1), columns)
        padded = F.pad(images, (self.pad,) * 4).permute(0, 2, 3, 1)
        device = images.device
        index = torch.arange(n, device=device)[:, None, None]
        cut = padded[index, rows.to(device)[:, :, None], columns.to(device)[:, None, :]]
        return cut.permute(0, 3, 1, 2)

    def normalise(self, images: Tensor) -> Tensor:
        """``(images / 255 - mean) / std`` in float32."""
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        images = images.to(self.mean.device).contiguous(memory_format=layout)
        return images.float().div_(255).sub_(self.mean).div_(self.std)


def channel_statistics(images: Tensor) -> tuple[list[float], list[float]]:
    """Mean and standard deviation per channel, in [0, 1], of uint8 images (N, C, H, W).

    A channel without any variation gets the deviation 1, so that normalising stays finite.
    """
    # Histograms are exact and need no float copy of the whole set.
    levels = torch.arange(256, dtype=torch.float64) / 255
    means, stds = [], []
    for channel in range(images.shape[1]):
        share = torch.bincount(images[:, channel].flatten(), minlength=256).double()
        share /= share.sum()
        mean = float(share @ levels)
        variance = float(share @ (levels - mean) ** 2)
        means.append(mean)
        stds.append(variance**0.5 or 1.0)
    return means, stds
