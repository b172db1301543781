"""Transforms of single images while training, such as those of ``torchvision.transforms.v2``."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from lightning_imb.data.batch import Batch, BatchRequest
from lightning_imb.data.prepare import ImageSet
from lightning_imb.utils.errors import InputError, one_line

ImageTransform = Callable[[Tensor], Tensor]

_TRIALS = 16  # of the check before training: a transform that is applied to half of the images shows itself
_OTHER_THAN_BATCH = 1  # tells these draws from those of the whole batch, which has the same key


class PerImage(Dataset[Batch]):
    """Applies transforms to every image of a training batch; batches without key pass unchanged.

    Args:
        batches: Answers a request with uint8 images (N, C, H, W).
        transforms: Each maps uint8 (C, H, W) to uint8 (C, H, W), with torch's random numbers; applied in order.
    """

    def __init__(self, batches: Dataset[Batch], transforms: Sequence[ImageTransform]) -> None:
        self.batches = batches
        self.transforms = transforms

    def __getitem__(self, request: BatchRequest) -> Batch:
        batch = self.batches[request]
        if request.key is None:
            return batch
        return batch._replace(inputs=transform_each(batch.inputs, self.transforms, request.key))


def with_transforms(images: ImageSet, transforms: Sequence[ImageTransform]) -> ImageSet:
    """The set with its batches transformed, image by image; the set itself where there are no transforms.

    Raises:
        InputError: As `check_transforms`.
    """
    if not transforms:
        return images
    check_transforms(transforms, images.batches[BatchRequest(torch.tensor([0]), None)].inputs)
    return images._replace(batches=PerImage(images.batches, transforms))


def transform_each(images: Tensor, transforms: Sequence[ImageTransform], key: int) -> Tensor:
    """Transform images one by one, each with random numbers of its own.

    An image's random numbers are a function of (key, position), so they depend neither on other images nor on the
    process that draws them; torch's own generator is left as it was.

    Args:
        images: uint8 (N, C, H, W).
        transforms: As in `PerImage`.
        key: Seed of the batch.

    Returns:
        uint8 (N, C, H, W).

    Raises:
        InputError: If a transform fails, or changes shape or type.
    """
    seeds = np.random.SeedSequence([key, _OTHER_THAN_BATCH]).generate_state(len(images), np.uint64)
    result = torch.empty_like(images)
    with torch.random.fork_rng(devices=[]):
        for position, seed in enumerate(seeds.tolist()):
            torch.default_generator.manual_seed(seed)
            # always contiguous: some transforms round differently in another layout
            image = images[position].contiguous()
            for transform in transforms:
                image = _apply(transform, image)
            result[position] = image
    return result


def check_transforms(transforms: Sequence[ImageTransform], images: Tensor) -> None:
    """Try transforms on an image, with several draws.

    Args:
        transforms: As in `PerImage`.
        images: uint8 (1, C, H, W).

    Raises:
        InputError: If a transform is none, fails, or changes shape or type.
    """
    for transform in transforms:
        if not callable(transform):
            raise InputError(f"dataset.augment.per_image holds {transform!r}: give transforms of an image")
    transform_each(images.expand(_TRIALS, -1, -1, -1), transforms, key=0)


def _apply(transform: ImageTransform, image: Tensor) -> Tensor:
    name = type(transform).__name__
    try:
        result = transform(image)
    except Exception as error:  # anybody's code: it may raise anything
        why = one_line(error)
        raise InputError(
            f"dataset.augment.per_image: {name} cannot take an image of {_words(image)} ({why}): change or remove it"
        ) from error
    if not isinstance(result, Tensor) or result.shape != image.shape or result.dtype != image.dtype:
        found = _words(result) if isinstance(result, Tensor) else type(result).__name__
        raise InputError(
            f"dataset.augment.per_image: {name} makes {found} of {_words(image)}: "
            "use transforms that keep size and type; dataset.image_size resizes, normalising comes after them"
        )
    return result


def _words(image: Tensor) -> str:
    return f"{' x '.join(map(str, image.shape))} {str(image.dtype).removeprefix('torch.')}"
