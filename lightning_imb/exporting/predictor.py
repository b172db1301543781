"""What predicts, whatever it was opened from."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor

from lightning_imb.exporting.description import Description


class Predictor(NamedTuple):
    """A network and what has to be known of it.

    Attributes:
        description: Of the network.
        answer: Logits (N, K), or numbers (N,), on the CPU, of images (N, C, H, W) on the CPU that are not normalised.
    """

    description: Description
    answer: Callable[[Tensor], Tensor]
