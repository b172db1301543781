"""From raw attributions to heat maps in [0, 1] at the size of the images."""

from typing import Any

import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from lightning_imb.utils.checked import checked_choice

SCALING = ("before_upsampling", "after_upsampling")
_TINY = 1e-8  # as in the public code, so that a map of one value becomes a map of zeros


def heat_maps(raw: Tensor, size: tuple[int, int], scaling: str) -> NDArray[Any]:
    """Scale maps to [0, 1], each by its own range, and bring them to the size of the images.

    They stay floating: in 8 bits several pixels would tie for the maximum, which the pointing game reads.

    Args:
        raw: (N, h, w), of any range.
        size: Height and width of the result; bilinear in between.
        scaling: ``before_upsampling``, as in the public code: the maximum of the result is then below 1 where no pixel
            lies at the centre of a position; ``after_upsampling``: the result spans 0 to 1.

    Returns:
        (N, H, W) float32 in [0, 1]; all zeros for a map of one value.

    Raises:
        InputError: An unknown ``scaling``.

    Source:
        Public code that goes with arXiv 2204.01729 (``imba_explain``): ``(M - min) / (max - min + 1e-8)``, then resize.
    """
    checked_choice("scaling", scaling, SCALING)
    maps = raw.float().unsqueeze(1)
    maps = _resize(_min_max(maps), size) if scaling == "before_upsampling" else _min_max(_resize(maps, size))
    found: NDArray[Any] = maps.squeeze(1).cpu().numpy()
    return found


def _min_max(maps: Tensor) -> Tensor:
    low, high = torch.aminmax(maps.flatten(1), dim=1)
    low, high = low.view(-1, 1, 1, 1), high.view(-1, 1, 1, 1)
    return (maps - low) / (high - low + _TINY)


def _resize(maps: Tensor, size: tuple[int, int]) -> Tensor:
    if tuple(maps.shape[2:]) == tuple(size):
        return maps
    return F.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)
