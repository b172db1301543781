"""Whether an exported file says the same as the network it was made from."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lightning_imb.exporting.description import Description
from lightning_imb.utils.errors import InputError

BATCHES = (1, 2, 5)
"""Numbers of images that every file is tried with: what was recorded for two has to work for any."""

Answer = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Agreement:
    """How far two networks are apart on the same images.

    Attributes:
        outputs: The largest difference of an output, as a share of the largest output of its batch, as logits and
            targets have any scale; infinite where an output is not finite or has another shape.
        probabilities: The largest difference of a probability, in 0..1; 0 for a regression.
        margin: The most by which the second network prefers its own class to that of the first, in probability.
        changed: Images that the first network puts into another class.
        images: All images.
    """

    outputs: float
    probabilities: float = 0.0
    margin: float = 0.0
    changed: int = 0
    images: int = 0

    @property
    def largest(self) -> float:
        """The largest of the three differences."""
        return max(self.outputs, self.probabilities, self.margin)


def trial_images(description: Description) -> list[Tensor]:
    """Batches of 1, 2 and 5 random images, black and white among them.

    Args:
        description: Of the images.
    """
    generator = torch.Generator().manual_seed(0)
    shape = description.image_size
    if description.pixels != "uint8":
        return [torch.randn(n, *shape, generator=generator) for n in BATCHES]
    batches = [torch.randint(0, 256, (n, *shape), generator=generator, dtype=torch.uint8) for n in BATCHES]
    batches[-1][0], batches[-1][1] = 0, 255
    return batches


def compare(one: Answer, other: Answer, batches: Sequence[Tensor], classes: bool) -> Agreement:
    """Compare two networks, batch by batch.

    Args:
        one: The first network.
        other: The second, whose outputs give the scale.
        batches: Images.
        classes: Whether the outputs are logits.
    """
    found = [_of_batch(one(images), other(images), classes) for images in batches]
    return Agreement(
        outputs=max(batch.outputs for batch in found),
        probabilities=max(batch.probabilities for batch in found),
        margin=max(batch.margin for batch in found),
        changed=sum(batch.changed for batch in found),
        images=sum(map(len, batches)),
    )


def _of_batch(one: Tensor, other: Tensor, classes: bool) -> Agreement:
    if one.shape != other.shape or not (one.isfinite().all() and other.isfinite().all()):
        return Agreement(math.inf)
    apart, largest = float((one - other).abs().max()), float(other.abs().max())
    outputs = apart / largest if largest else apart
    if not classes:
        return Agreement(outputs)
    wanted, found = other.double().softmax(1), one.double().softmax(1)
    chosen = one.argmax(1)
    margins = wanted.amax(1) - wanted.gather(1, chosen[:, None]).squeeze(1)
    changed = int((chosen != other.argmax(1)).sum())
    return Agreement(outputs, float((found - wanted).abs().max()), float(margins.max()), changed)


def check_agreement(
    what: str, exported: Answer, original: Answer, batches: Sequence[Tensor], classes: bool, tolerance: float
) -> Agreement:
    """Refuse a file that says something else than its network.

    Args:
        what: Name of the file.
        exported: What it answers.
        original: What the network answers.
        batches: Images, batch by batch.
        classes: Whether the outputs are logits.
        tolerance: Largest difference allowed of outputs, of probabilities, and in favour of a class that the file does
            not choose.

    Returns:
        How far they are apart.

    Raises:
        InputError: If it is more than that, or the file cannot take so many images.
    """
    found = compare(_tried(what, exported), original, batches, classes)
    if not found.largest <= tolerance:
        raise InputError(
            f"{what} differs from the network by {in_words(found, classes)}, more than tolerance={tolerance:g}: "
            "leave this format out of formats, or allow more"
        )
    return found


def in_words(found: Agreement, classes: bool) -> str:
    """How far two networks are apart, for the user.

    Args:
        found: What is told.
        classes: Whether there are probabilities and classes to tell of.
    """
    outputs = f"{found.outputs:.2g} of the largest output of a batch"
    if not classes:
        return outputs
    changed = f"{found.changed} of {found.images} images in another class"
    return f"{outputs} and {found.probabilities:.2g} in a probability, {changed}"


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
