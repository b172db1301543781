"""Concepts that every image brings along: where it is dark, bright, full of edges or smooth.

Our own choice: they tell whether a unit that agrees with a lesion merely sees what lesions look like, dark or sharp
spots, and give data without annotation something to be dissected by. They cover the whole image, regions included.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from lightning_imb.analysis.quantiles import upper_quantiles
from lightning_imb.utils.checked import checked_number

TEXTURES = ("dark", "bright", "edges", "smooth")
_DECIMALS = 10
_SIGMA = 4  # windows per standard deviation of the Gaussian whose slope tells edges


def local_statistics(images: NDArray[np.uint8], window: float) -> NDArray[np.float32]:
    """What each texture is measured by, pixel by pixel; a pixel shows the texture where the value is large.

    Of the mean over the channels: for ``dark`` and ``bright`` its mean over a square window around the pixel, with the
    sign that makes it large; for ``edges`` the length of its gradient after a Gaussian of a quarter of the window; for
    ``smooth`` its standard deviation over the window, negative.

    Args:
        images: (B, C, H, W) uint8.
        window: Side of the window as a share of the shorter side of the image, at least 3 pixels, in (0, 1].

    Returns:
        (B, 4, H, W) float32 in the order of `TEXTURES`, in units of the full range of brightness.
    """
    side = max(3, round(checked_number("texture_window", window, 0.0, 1.0) * min(images.shape[2:])))
    grey = images.mean(axis=1, dtype=np.float64) / 255
    # running sums round: without cutting that off, rounding would rank the pixels of even areas, as in a black frame
    mean, square = (
        ndimage.uniform_filter(x, (0, side, side), mode="nearest").round(_DECIMALS) for x in (grey, grey**2)
    )
    slopes = [ndimage.gaussian_gradient_magnitude(image, side / _SIGMA, mode="nearest") for image in grey]
    spread = np.sqrt(np.maximum(square - mean**2, 0)).round(_DECIMALS // 2)
    return np.stack([-mean, mean, np.stack(slopes), -spread], axis=1).astype(np.float32)


def texture_thresholds(
    batches: Callable[[], Iterable[NDArray[np.uint8]]], window: float, share: float
) -> NDArray[np.float32]:
    """The value from which a pixel is among the ``share`` of the whole set that shows a texture most.

    Args:
        batches: Starts the images (B, C, H, W) uint8 anew; called twice.
        window: As `local_statistics`.
        share: Of all pixels of all images, in (0, 1); where many tie, as in a black frame, more pixels show it.

    Returns:
        (4,) in the order of `TEXTURES`.
    """
    checked_number("texture_share", share, 0.0, 1.0)

    def values() -> Iterable[torch.Tensor]:
        return (torch.from_numpy(local_statistics(images, window)).flatten(2) for images in batches())

    found: NDArray[Any] = upper_quantiles(values, 1 - share).numpy()
    return found


def texture_masks(images: NDArray[np.uint8], window: float, thresholds: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where images show the textures, (B, 4, H, W), by the thresholds of `texture_thresholds`."""
    masks: NDArray[np.bool_] = local_statistics(images, window) >= thresholds[:, None, None]
    return masks
