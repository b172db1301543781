"""Whether an exported file says the same as the network it was made from."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lightning_imb.exporting.description import Description
from lightning_imb.utils.errors import InputError

BATCHES = (1, 2, 5)
"""Numbers of images that every file is tried with: what was recorded for two has to work for any."""

Answer = Callable[[Tensor], Tensor]


def trial_images(description: Description, real: Tensor | None) -> list[Tensor]:
    """Batches of 1, 2 and 5 random images, black and white among them, and of all real ones.

    Args:
        description: Of the images.
        real: (N, C, H, W); None for no real ones.
    """
    generator = torch.Generator().manual_seed(0)
    shape = description.image_size
    if description.pixels != "uint8":
        return [torch.randn(n, *shape, generator=generator) for n in BATCHES]
    batches = [torch.randint(0, 256, (n, *shape), generator=generator, dtype=torch.uint8) for n in BATCHES]
    batches[-1][0], batches[-1][1] = 0, 255
    return batches if real is None else [*batches, real]


def difference(one: Answer, other: Answer, batches: Sequence[Tensor]) -> float:
    """Largest difference of two networks, as a share of the largest output: logits and targets have any scale.

    Args:
        one: The first network.
        other: The second, whose outputs give the scale.
        batches: Images, batch by batch.

    Returns:
        From 0 on; infinite where an output is not finite or has another shape.
    """
    pairs = [(one(images), other(images)) for images in batches]
    if any(a.shape != b.shape or not (a.isfinite().all() and b.isfinite().all()) for a, b in pairs):
        return math.inf
    apart = max(float((a - b).abs().max()) for a, b in pairs)
    largest = max(float(b.abs().max()) for _, b in pairs)
    return apart / largest if largest else apart


def check_agreement(
    what: str, exported: Answer, original: Answer, batches: Sequence[Tensor], tolerance: float
) -> float:
    """Refuse a file that says something else than its network.

    Args:
        what: Name of the file.
        exported: What it answers.
        original: What the network answers.
        batches: Images, batch by batch.
        tolerance: Largest difference allowed, see `difference`.

    Returns:
        The difference.

    Raises:
        InputError: If it is larger, or the file cannot take so many images.
    """
    found = difference(_tried(what, exported), original, batches)
    if not found <= tolerance:
        raise InputError(
            f"{what} differs from the network by {found:.2g} of its largest output, more than tolerance={tolerance:g}: "
            "leave this format out of formats, or allow more"
        )
    return found


def _tried(what: str, exported: Answer) -> Answer:
    def answer(images: Tensor) -> Tensor:
        try:
            return exported(images)
        except Exception as error:  # of the runtime: each has its own classes
            raise InputError(
                f"{what} was recorded but cannot take {len(images)} images at once ({type(error).__name__}): "
                "leave this format out of formats, or choose another model"
            ) from error

    return answer
