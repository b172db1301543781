"""Synthetic training images, made from pixels before phase 1 (``conf/oversample``)."""

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_imb.data.embeddings import TensorBatches
from lightning_imb.data.layout import empty_images
from lightning_imb.data.prepare import ImageSet
from lightning_imb.utils.errors import InputError, one_line

log = logging.getLogger(__name__)


class OverSampler(Protocol):
    """imbalanced-learn's over-samplers and ours: original rows first, synthetic rows after them."""

    def fit_resample(self, X: NDArray[np.float32], y: NDArray[np.int64]) -> Any:
        """Balance rows X (N, D), embeddings or pixels on the scale 0..255, with labels y (N,)."""


class OverSampled(NamedTuple):
    """A training set with synthetic images.

    Attributes:
        images: The images as they were, then the synthetic ones.
        report: One dict per class: ``label``, ``n`` images before, ``generated`` ones, and what else the
            over-sampler reports.
    """

    images: ImageSet
    report: list[dict[str, Any]]


def over_sample(images: ImageSet, over_sampler: OverSampler, class_names: Sequence[str]) -> OverSampled:
    """Add the images that an over-sampler makes of the pixels of a set, rounded and clipped to 0..255.

    Args:
        images: The training images; not changed.
        over_sampler: Makes synthetic rows; a function of its own random state, so that all processes of a run, each
            of which calls this, have the same images.
        class_names: K names, for the identifiers ``synthetic/<class>/<n>``.

    Raises:
        InputError: If the images are streamed, or the over-sampler refuses them or does not keep them.
    """
    if images.images is None:
        raise InputError(
            "oversample makes images from all training images at once, but they are streamed: "
            "set dataset.in_memory=true, or oversample=none"
        )
    pixels, labels = _synthetic(images.images, images.target.numpy(), over_sampler)
    log.info("over-sampled the training images: %d real, %d synthetic", len(images.target), len(labels))
    whole = _joined(images.images, pixels)
    target = torch.cat([images.target, torch.from_numpy(labels)])
    names = images.names + _names(labels, class_names)
    grown = images._replace(
        batches=TensorBatches(whole, target), target=target, names=names, images=whole, cached=False
    )
    counts = np.bincount(images.target, minlength=len(class_names)).tolist()
    made = np.bincount(labels, minlength=len(class_names)).tolist()
    plain = [{"label": k, "n": counts[k], "generated": made[k]} for k in range(len(class_names))]
    return OverSampled(grown, getattr(over_sampler, "report_", plain))


def _synthetic(
    images: Tensor, target: NDArray[np.int64], over_sampler: OverSampler
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Synthetic images (M, C, H, W) and their labels (M,)."""
    given = images.flatten(1).numpy().astype(np.float32)
    rows, labels = _resampled(given, target, over_sampler)
    n = len(given)
    if not (np.array_equal(rows[:n], given) and np.array_equal(labels[:n], target)):
        raise InputError(
            f"oversample={type(over_sampler).__name__} does not return the original images first: "
            "use an over-sampler, such as those of imblearn.over_sampling"
        )
    if not np.isfinite(rows[n:]).all():
        raise InputError(f"oversample={type(over_sampler).__name__} made pixels that are no numbers: use another one")
    pixels = np.rint(rows[n:]).clip(0, 255).astype(np.uint8)
    return pixels.reshape(-1, *images.shape[1:]), np.asarray(labels[n:], dtype=np.int64)


def _resampled(
    rows: NDArray[np.float32], target: NDArray[np.int64], over_sampler: OverSampler
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    try:
        resampled, labels = over_sampler.fit_resample(rows, target)
    except InputError:
        raise
    except ValueError as error:  # how imbalanced-learn refuses a parameter
        raise InputError(f"oversample cannot work ({one_line(error)}): set another oversample.* value") from error
    return resampled, labels


def _joined(images: Tensor, pixels: NDArray[np.uint8]) -> Tensor:
    whole = empty_images(len(images) + len(pixels), images.shape[1:])
    whole[: len(images)] = images
    whole[len(images) :] = torch.from_numpy(pixels)
    return whole


def _names(labels: NDArray[np.int64], class_names: Sequence[str]) -> list[str]:
    made = [0] * len(class_names)
    names = []
    for label in labels.tolist():
        names.append(f"synthetic/{class_names[label]}/{made[label]}")
        made[label] += 1
    return names
