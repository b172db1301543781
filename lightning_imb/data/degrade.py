"""Turn, blur or darken images, each by a number of its own."""

import torch
import torch.nn.functional as F
from torch import Tensor

GREY = 128  # outside of the circle that a turned image is cut to

_SOFT = 0.75  # pixels: standard deviation of the low-pass of turned images; below 0.7 white noise tells the angle
_FINER = 2  # even: at 0 degrees points fall between the fine pixels, as they do on average at any other angle

_SHARPEST = 1e-3  # pixels: from here down a blur changes nothing
_REACH = 4  # standard deviations, rounded up to pixels, after which a blur's kernel ends


def rotate(images: Tensor, degrees: Tensor) -> Tensor:
    """Turn images about their centre, a little softened, and cut them to a circle one pixel short of the border.

    Nothing but what is in the picture may tell the angle. What turns into the corners would, be it black or mirrored:
    outside of the circle all pixels are grey. Interpolation would, for it smooths least at 0 and 90 degrees and
    along the axes of the pixels: so all images, also those that stay upright, go through one round low-pass (0.75
    pixels), computed on a grid of half pixels, from which interpolation takes next to nothing. Our choice.

    Args:
        images: uint8 (N, C, H, W).
        degrees: (N,) counter-clockwise.

    Returns:
        uint8 (N, C, H, W).
    """
    height, width = images.shape[2:]
    rows, columns = (_softened(side) for side in (height, width))
    fine = rows @ (images.float() @ columns.mT)
    y, x = torch.meshgrid(*(torch.arange(side) - (side - 1) / 2 for side in (height, width)), indexing="ij")
    sine, cosine = (part[:, None, None] for part in (torch.sin(degrees.deg2rad()), torch.cos(degrees.deg2rad())))
    # where each pixel comes from, as multiples of half a side; y points down
    origin = torch.stack([(cosine * x - sine * y) * 2 / width, (sine * x + cosine * y) * 2 / height], dim=-1)
    turned = F.grid_sample(fine, origin.float(), align_corners=False)
    outside = x**2 + y**2 > (min(height, width) / 2 - 1) ** 2
    return _bytes(turned).masked_fill_(outside, GREY)


def blur(images: Tensor, deviations: Tensor) -> Tensor:
    """Convolve images with normal kernels, mirrored at the borders.

    A convolution with a border is a matrix on the rows and one on the columns, so that a batch with a kernel of its
    own for every image is two batched products.

    Args:
        images: uint8 (N, C, H, W).
        deviations: (N,) standard deviations of the kernels in pixels, >= 0; 0 changes nothing.

    Returns:
        uint8 (N, C, H, W).
    """
    height, width = images.shape[2:]
    kernels = _kernels(deviations)
    rows, columns = (_matrices(kernels, side)[:, None] for side in (height, width))
    return _bytes(rows @ images.float() @ columns.mT)


def darken(images: Tensor, factors: Tensor) -> Tensor:
    """Multiply images by a brightness.

    Args:
        images: uint8 (N, C, H, W).
        factors: (N,) from 0, black, to 1, unchanged; beyond that brighter, white at most.

    Returns:
        uint8 (N, C, H, W).
    """
    return _bytes(images.float() * factors.float()[:, None, None, None])


def _softened(side: int) -> Tensor:
    """(_FINER * side, side) float32: what the low-pass takes of each pixel of a line, for each point of a finer one."""
    points = (torch.arange(_FINER * side) + 0.5) / _FINER - 0.5
    distances = points[:, None] - torch.arange(side)
    return torch.softmax(-((distances / _SOFT) ** 2) / 2, dim=1)


def _kernels(deviations: Tensor) -> Tensor:
    """Normal kernels (N, 2 R + 1) of sum 1; R is the reach of the widest one, and each is 0 from its own reach on."""
    reaches = torch.ceil(_REACH * deviations.double())
    widest = int(reaches.max())
    at = torch.arange(-widest, widest + 1, dtype=torch.float64)
    exponents = -((at / deviations.double().clamp(min=_SHARPEST)[:, None]) ** 2) / 2
    return exponents.masked_fill(at.abs() > reaches[:, None], -torch.inf).softmax(dim=1)


def _matrices(kernels: Tensor, side: int) -> Tensor:
    """(N, side, side) float32: what a kernel adds of each pixel of a line to each, mirrored at the ends."""
    reach = kernels.shape[1] // 2
    line = torch.arange(side)
    period = max(2 * (side - 1), 1)  # a mirrored line repeats itself; the pixel at an end is not doubled
    source = (line[:, None] + torch.arange(-reach, reach + 1)) % period
    source = torch.minimum(source, period - source)
    taken = F.one_hot(source.clamp(max=side - 1), side).to(kernels.dtype)
    return torch.einsum("nk,ikj->nij", kernels, taken).float()


def _bytes(images: Tensor) -> Tensor:
    return images.round_().clamp_(0, 255).byte()
