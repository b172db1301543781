"""The images of a run, one by one, with the heat maps of a network."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_imb.analysis.attribution import explained_layers
from lightning_imb.analysis.region_bank import RegionBank
from lightning_imb.studies.image_passes import chosen_batches
from lightning_imb.studies.subject import Subject

Explain = Callable[[Tensor, Tensor], Mapping[str, NDArray[Any]]]
"""Inputs (N, C, H, W) and classes (N,), both on the device, to heat maps (N, H, W) by method."""


class Seen(NamedTuple):
    """One image and its heat maps.

    Attributes:
        row: Of the image in its split.
        image: uint8 (C, H, W).
        maps: (H, W) float32 in [0, 1] by method.
    """

    row: int
    image: NDArray[np.uint8]
    maps: dict[str, NDArray[Any]]


def seen_images(
    subject: Subject, split: str, rows: Sequence[int], target: NDArray[np.int64], explain: Explain, chunk: int
) -> Iterator[Seen]:
    """Explain some images of a split, in their order, with a progress bar.

    Args:
        subject: The run.
        split: Name of the split.
        rows: Which images.
        target: (N,) the class that the map of each image of the split is of.
        explain: Makes the maps.
        chunk: Images explained at a time.
    """
    wanted = np.unique(np.asarray(rows, dtype=np.int64))
    chunks = _chunks(subject, split, wanted, chunk)
    for at, images, inputs in subject.track(chunks, "explaining images", total=len(wanted) / chunk):
        maps = explain(inputs, torch.from_numpy(target[at]).to(inputs.device))
        for i, row in enumerate(at.tolist()):
            yield Seen(row, images[i].numpy(), {method: heat[i] for method, heat in maps.items()})


def _chunks(
    subject: Subject, split: str, wanted: NDArray[np.int64], chunk: int
) -> Iterator[tuple[NDArray[np.int64], Tensor, Tensor]]:
    """Rows, images and inputs of the wanted images, a chunk at a time."""
    for batch in chosen_batches(subject, split, wanted.tolist()):
        for start in range(0, len(batch.rows), chunk):
            part = slice(start, start + chunk)
            yield batch.rows[part], batch.images[part], batch.inputs[part]


def marked_regions(subject: Subject, split: str, seed: int) -> RegionBank:
    """All regions that the data mark in the images of a split.

    Args:
        subject: The run.
        split: Name of the split.
        seed: Of the draws of other images' regions.
    """
    bank, labels = RegionBank(seed), subject.labels(split)
    if subject.has_regions:
        for row in subject.track(range(len(labels)), "reading regions"):
            region = subject.region(split, row)
            bank.add(row, int(labels[row]), region)
    return bank


def grad_cam_layers(subject: Subject, split: str, wanted: str) -> list[str]:
    """Names of the layers that Grad-CAM weighs, see `explained_layers`; the same in every stage of a run.

    Raises:
        InputError: The network has no such layer, or it puts out no maps.
    """
    first = next(subject.image_batches(split))
    return explained_layers(subject.model().extractor_module, wanted, first.inputs[:1])


def black(subject: Subject) -> Tensor:
    """A black image (1, C, H, W) as the network reads it."""
    dark = torch.zeros((1, *subject.data.image_shape), dtype=torch.uint8)
    return subject.data.transform.normalise(dark).to(subject.device)
