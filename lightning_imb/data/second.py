"""A second stream of training images beside the first: rows that are drawn for the rows of an epoch."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lightning_imb.data.draws import draw_by_class
from lightning_imb.utils.checked import checked_number


class Second(Protocol):
    """Draws the second stream of an epoch: a pure function, as `lightning_imb.data.draws.Draw`."""

    def __call__(
        self, target: NDArray[np.int64], rows: NDArray[np.int64], random: np.random.Generator
    ) -> NDArray[np.int64]:
        """One more row for each row of an epoch; it comes in the same batch, with an augmentation of its own.

        Args:
            target: (N,) class indices of the training images.
            rows: (M,) indices into ``target``: the epoch.
            random: Random numbers of this stream and epoch, apart from those that drew ``rows``.

        Returns:
            (M,) indices into ``target``.
        """


class InverseFrequency:
    """Images of small classes: each image in proportion to ``1 / n_c^power``, with replacement. A `Second`.

    Args:
        power: >= 0; 0 draws all images alike, 1 all classes alike, more than 1 small classes more often.

    Raises:
        InputError: If ``power`` is negative or no number.

    Source:
        Park et al. 2022, CMO (arXiv 2112.00412): weights ``1 / n_c^r``, of each image as in the paper's code.
    """

    def __init__(self, power: float) -> None:
        self.power = checked_number("power of the second stream", power, 0)

    def __call__(
        self, target: NDArray[np.int64], rows: NDArray[np.int64], random: np.random.Generator
    ) -> NDArray[np.int64]:
        """See `Second`."""
        counts = np.bincount(target)
        shares = np.zeros(len(counts))
        present = counts > 0
        shares[present] = counts[present] ** (1 - self.power)  # n_c images of weight n_c^-power each
        return draw_by_class(target, shares / shares.sum(), len(rows), random)


def same_images(target: NDArray[np.int64], rows: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
    """The same images again: a second view of each, for losses that compare two. See `Second`.

    Source:
        Zhu et al. 2022, balanced contrastive learning (arXiv 2207.09052): two augmented views.
    """
    return rows
