"""Dissecting layers in three passes over the images: two for the quantiles of the units, one for their overlaps."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_imb.analysis.concept_count import COUNTS, concept_count
from lightning_imb.analysis.concept_masks import ConceptMasks
from lightning_imb.analysis.dissection import Overlaps, at_image_size, units_on
from lightning_imb.analysis.quantiles import StreamedQuantiles
from lightning_imb.utils.checked import checked_choice, checked_number
from lightning_imb.utils.errors import InputError

OVER = ("pixels", "positions")
Passes = Callable[[], Iterable[Mapping[str, Tensor]]]

_AT_ONCE = 1 << 25  # bits of masks that are unpacked at a time


@dataclass(frozen=True)
class Dissection:
    """How layers are dissected.

    Args:
        quantile: q in (0, 1): a unit is on at its largest ``1 - q`` activations of the whole set.
        over: What the quantile is taken over: ``pixels`` of the maps at the size of the images, or the ``positions`` of
            the maps themselves (as Bau et al. 2017 state; much cheaper for large images).
        draws: R shuffles of the masks among the images, the level of chance.
        seed: Of the shuffles.
        count: Whether to count what is on inside the regions of each image: ``components``, ``units`` or None for no.

    Raises:
        InputError: A setting out of range.
    """

    quantile: float
    over: str
    draws: int
    seed: int
    count: str | None

    def __post_init__(self) -> None:
        checked_number("quantile", self.quantile, 0, 1)
        checked_choice("quantile_over", self.over, OVER)
        checked_number("draws", self.draws, 0)
        if self.count is not None:
            checked_choice("concept_count", self.count, COUNTS)


class DissectedLayer(NamedTuple):
    """What a dissection measures in one layer.

    Attributes:
        thresholds: (U,) quantile of each unit.
        iou: (U, C) of each unit with each concept.
        shuffled: (R, U, C) the same with masks dealt to other images.
        counts: (N,) concepts inside the regions of each image, -1 for images without any; None where not asked for.
    """

    thresholds: NDArray[np.float32]
    iou: NDArray[np.float64]
    shuffled: NDArray[np.float64]
    counts: NDArray[np.int64] | None


def dissect(passes: Passes, masks: ConceptMasks, regions: list[int], how: Dissection) -> dict[str, DissectedLayer]:
    """Dissect layers.

    Args:
        passes: Starts the set anew: maps (B, U, h, w) float32 of one batch of images after the other, by layer. Called
            three times.
        masks: Concepts of the N images in the same order.
        regions: Which concepts are the regions inside which spots are counted.
        how: The settings.

    Returns:
        Results by layer.

    Raises:
        InputError: If activations are not finite.

    Source:
        Bau et al. 2017 (arXiv 1704.05796), section 2: thresholds, upsampling and IoU. Shuffled masks are our addition.
    """
    thresholds = _thresholds(passes, masks, how)
    owners = np.concatenate([masks.own()[None], masks.dealt(how.draws, how.seed)])
    overlaps = {layer: Overlaps(len(t), owners.shape[0] * owners.shape[2]) for layer, t in thresholds.items()}
    counts = {layer: np.full(len(masks.annotated), -1, dtype=np.int64) for layer in thresholds}
    done = 0
    for batch in passes():
        for layer, maps in batch.items():
            _overlap(maps, thresholds[layer], masks, owners[:, done : done + len(maps)], overlaps[layer])
            if how.count is not None:
                _count(maps, thresholds[layer], masks, regions, how.count, counts[layer][done : done + len(maps)], done)
        done += len(next(iter(batch.values())))
    if done != len(masks.annotated):
        raise InputError(f"{done} images came but there are masks of {len(masks.annotated)}")
    return {
        layer: _result(t, overlaps[layer], len(masks.names), None if how.count is None else counts[layer])
        for layer, t in thresholds.items()
    }


def _thresholds(passes: Passes, masks: ConceptMasks, how: Dissection) -> dict[str, Tensor]:
    quantiles: dict[str, StreamedQuantiles] = {}
    for second in (False, True):
        for batch in passes():
            for layer, maps in batch.items():
                quantile = quantiles.setdefault(layer, StreamedQuantiles(how.quantile))
                blocks = (
                    [maps.flatten(2)] if how.over == "positions" else (b for _, b in at_image_size(maps, masks.size))
                )
                for block in blocks:
                    quantile.add(block)
        if not second:
            for quantile in quantiles.values():
                quantile.begin_second_pass()
    return {layer: quantile.result() for layer, quantile in quantiles.items()}


def _overlap(
    maps: Tensor, thresholds: Tensor, masks: ConceptMasks, owners: NDArray[np.int64], overlaps: Overlaps
) -> None:
    """Add a batch, for the masks as they are and as they are dealt: owners (1 + R, B, C)."""
    step = max(1, _AT_ONCE // (owners[:, 0].size * masks.pixels))
    for start in range(0, len(maps), step):
        shown, counted = masks.read(owners[:, start : start + step].swapaxes(0, 1))
        flat = torch.from_numpy(shown).flatten(1, 2).to(maps.device)  # shuffled concepts stand beside the true ones
        annotated = torch.from_numpy(counted).flatten(1).to(maps.device)
        for band, activations in at_image_size(maps[start : start + step], masks.size):
            overlaps.add(units_on(activations, thresholds), flat[:, :, band], annotated)


def _count(
    maps: Tensor,
    thresholds: Tensor,
    masks: ConceptMasks,
    regions: list[int],
    what: str,
    counts: NDArray[np.int64],
    first: int,
) -> None:
    """Count the concepts of a batch whose images begin at ``first``."""
    for i, image in enumerate(range(first, first + len(maps))):
        region = masks.union(image, regions) if regions else np.zeros(masks.size, dtype=bool)
        if region.any():
            on = torch.cat([units_on(band, thresholds)[0] for _, band in at_image_size(maps[i : i + 1], masks.size)], 1)
            counts[i] = concept_count(on.view(-1, *masks.size).cpu().numpy(), region, what)


def _result(thresholds: Tensor, overlaps: Overlaps, concepts: int, counts: NDArray[np.int64] | None) -> DissectedLayer:
    iou = overlaps.iou().reshape(len(thresholds), -1, concepts).swapaxes(0, 1)
    return DissectedLayer(thresholds.cpu().numpy(), iou[0], iou[1:], counts)
