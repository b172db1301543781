"""Augmentation and normalisation of whole batches, with one random draw per image."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from lightning_imb.data.batch import Batch
from lightning_imb.utils.errors import InputError


class BatchTransform(nn.Module):
    """Pad-and-crop, horizontal flip, normalisation and cutout of a uint8 batch, on the device that holds it.

    Each image gets its own draw (torchvision's v2 transforms make one draw for a whole batch). The draws come
    from a CPU generator seeded with the batch's key, so they do not depend on the device or on workers.
    Equal in distribution to torchvision's ``RandomCrop(size, padding)`` and ``RandomHorizontalFlip()``.

    Args:
        mean: Channel means, in [0, 1].
        std: Channel standard deviations, > 0, on the same scale.
        pad: Pixels of zero padding on each side before a crop of the original size; 0 turns cropping off.
        flip: Whether half of the images are mirrored.
        channels_last: Whether the result lies in memory as (N, H, W, C), which convolutions prefer.
        cutout: Side in pixels of the square that is cut out of each image, >= 0; 0 turns it off.

    Raises:
        InputError: If ``cutout`` is no whole number from 0 on.

    Source:
        Cutout: DeVries and Taylor 2017 (arXiv 1708.04552).
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, mean: Sequence[float], std: Sequence[float], pad: int, flip: bool, channels_last: bool, cutout: int = 0
    ) -> None:
        super().__init__()
        if not isinstance(cutout, int) or isinstance(cutout, bool) or cutout < 0:
            raise InputError(f"dataset.augment.cutout={cutout} must be a side in pixels, or 0 for no cutout")
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)
        self.pad = pad
        self.flip = flip
        self.channels_last = channels_last
        self.cutout = cutout

    def forward(self, batch: Batch) -> Batch:
        """Transform images (N, C, H, W) to float32; a batch without key is only normalised."""
        if batch.key is None:
            return batch._replace(inputs=self.normalise(batch.inputs))
        if batch.own is None:
            return batch._replace(inputs=self._train(batch.inputs, batch.key))
        # draws of its own for a second stream, or the first would be augmented otherwise than without one
        parts = batch.inputs.tensor_split([batch.own])
        return batch._replace(inputs=torch.cat([self._train(parts[0], batch.key), self._train(parts[1], ~batch.key)]))

    def _train(self, images: Tensor, seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        images = self.normalise(self.augment(images, generator))
        return self.cut_out(images, generator) if self.cutout else images

    def augment(self, images: Tensor, generator: Generator) -> Tensor:
        """Crop and flip (N, C, H, W) with one draw per image from a CPU generator; the images stay as they are."""
        n = len(images)
        top, left = torch.randint(0, 2 * self.pad + 1, (2, n), generator=generator)
        mirrored = torch.rand(n, generator=generator) < (0.5 if self.flip else 0.0)
        cut = images.permute(0, 2, 3, 1)  # pixels whole: crops are copied line by line
        if self.pad:
            cut = _crop(cut, self.pad, top, left)
        if self.flip:
            cut = _mirror(cut, mirrored)
        return cut.permute(0, 3, 1, 2)

    def normalise(self, images: Tensor) -> Tensor:
        """``(images / 255 - mean) / std`` in float32; inputs that are no bytes are not divided by 255."""
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        highest = 255 if images.dtype == torch.uint8 else 1
        images = images.to(self.mean.device).contiguous(memory_format=layout)
        images = images.to(torch.float32, copy=True)  # also of float32: what is divided in place is no part of the set
        # A value per pixel lets the loops run over whole images; broadcast, they would run over 3 channels at a time.
        mean, std = (
            value.expand(1, *images.shape[1:]).contiguous(memory_format=layout) for value in (self.mean, self.std)
        )
        return images.div_(highest).sub_(mean).div_(std)

    def cut_out(self, images: Tensor, generator: Generator) -> Tensor:
        """Set one square of each normalised image (N, C, H, W) to 0, in place.

        The centre is uniform over all pixels, and what stands out over the border is clipped, as in the code that
        came with the paper: the square starts ``cutout // 2`` pixels before its centre.
        """
        n, _, height, width = images.shape
        rows = _covered(height, n, self.cutout, generator)
        columns = _covered(width, n, self.cutout, generator)
        mask = rows[:, None, :, None] & columns[:, None, None, :]
        return images.masked_fill_(mask.to(images.device, non_blocking=True), 0.0)


def _crop(images: Tensor, pad: int, top: Tensor, left: Tensor) -> Tensor:
    """Crops of the own size (N, H, W, C) from images with a border of zeros, at these corners (N,) each."""
    n, height, width, channels = images.shape
    padded = F.pad(images, (0, 0, pad, pad, pad, pad)).contiguous()
    lines = padded.flatten().unfold(0, width * channels, channels)  # a view: a line from every pixel on
    first = (torch.arange(n) * padded.shape[1] + top) * padded.shape[2] + left
    start = first[:, None] + torch.arange(height) * padded.shape[2]
    return lines.index_select(0, start.flatten().to(images.device, non_blocking=True)).view(images.shape)


def _mirror(images: Tensor, mirrored: Tensor) -> Tensor:
    """Images (N, H, W, C), those with a true mark (N,) turned left to right."""
    rows = mirrored.nonzero().flatten()
    turned = images.index_select(0, rows.to(images.device, non_blocking=True)).flip(2)
    origin = torch.arange(len(images))
    origin[rows] = len(images) + torch.arange(len(rows))
    # many times faster than writing the turned ones over the others
    return torch.cat([images, turned]).index_select(0, origin.to(images.device, non_blocking=True))


def _covered(length: int, n: int, side: int, generator: Generator) -> Tensor:
    """Mask (N, length) of the pixels of one axis that a square around a drawn centre covers."""
    start = torch.randint(0, length, (n, 1), generator=generator) - side // 2
    at = torch.arange(length)
    return (at >= start) & (at < start + side)
