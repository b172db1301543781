"""Bring images that are already arrays to the size and channels asked for."""

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from lightning_imb.data.decode import ImageSize, check_channels, size_pair

_BATCH = 4096  # images resized at once: bounds the float32 copy
_LUMA = (0.299, 0.587, 0.114)  # ITU-R 601-2, the weights PIL uses for RGB to grey


def fit_images(images: npt.NDArray[np.uint8], image_size: ImageSize, channels: int) -> torch.Tensor:
    """Resize (bilinear, antialiased) and convert between grey and RGB where needed.

    Args:
        images: uint8 (N, C, H, W), C in {1, 3}.
        image_size: Side in pixels, (height, width), or None to keep the size.
        channels: 1 or 3.

    Returns:
        uint8 (N, channels, height, width); without copying when nothing has to change.

    Raises:
        InputError: For a bad size or number of channels.
    """
    check_channels(channels)
    size = size_pair(image_size)
    result = torch.as_tensor(images)
    if channels != result.shape[1]:
        result = result.expand(-1, 3, -1, -1).contiguous() if channels == 3 else _grey(result)
    if size is not None and tuple(result.shape[2:]) != size:
        result = torch.cat([_resize(part, size) for part in torch.split(result, _BATCH)])
    return result


def _grey(images: torch.Tensor) -> torch.Tensor:
    weights = torch.tensor(_LUMA).view(1, 3, 1, 1)
    return torch.cat([(part * weights).sum(1, keepdim=True).round().byte() for part in torch.split(images, _BATCH)])


def _resize(images: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    resized = F.interpolate(images.float(), size=size, mode="bilinear", antialias=True, align_corners=False)
    return resized.round().clamp(0, 255).byte()
