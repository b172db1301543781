"""How image tensors lie in memory: shaped (N, C, H, W), stored as (N, H, W, C).

That is how image files are decoded and what convolutions prefer; kept from the start, no batch has to be turned round.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def empty_images(count: int, shape: Sequence[int]) -> Tensor:
    """Room for ``count`` images of shape (C, H, W): uint8 (N, C, H, W), not initialised."""
    channels, height, width = shape
    return torch.empty((count, height, width, channels), dtype=torch.uint8).permute(0, 3, 1, 2)


def take(images: Tensor, rows: Tensor) -> Tensor:
    """Copy of some images.

    Args:
        images: (N, C, H, W), in any layout.
        rows: (M,) int64, on the same device.

    Returns:
        (M, C, H, W), stored as (M, H, W, C).
    """
    # index_select copies whole images where they are contiguous; of a permuted tensor it would go pixel by pixel
    return images.permute(0, 2, 3, 1).index_select(0, rows).permute(0, 3, 1, 2)


def stack(images: Sequence[Tensor]) -> Tensor:
    """Images (C, H, W) of one shape as (N, C, H, W), stored as (N, H, W, C)."""
    return torch.stack([image.permute(1, 2, 0) for image in images]).permute(0, 3, 1, 2)
