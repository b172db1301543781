"""What data sets share whose targets are drawn from a law: a training law, and one test set for all laws and seeds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightning_imb.data.laws import Law, Uniform
from lightning_imb.utils.checked import checked_whole

_STREAMS = {"train": 0, "val": 1, "test": 2}


class Draw(NamedTuple):
    """How the targets of one split come about.

    Attributes:
        law: Their density.
        size: N.
        seed: Of the data.
        split: ``train``, ``val`` or ``test``, which draw different numbers from the same seed.
    """

    law: Law
    size: int
    seed: int
    split: str

    def targets(self) -> NDArray[np.float64]:
        """(N,) independent values of the law."""
        return self.law.draw(self.size, self.random(0))

    def random(self, stream: int) -> np.random.Generator:
        """Random numbers of this split; stream 0 is that of the targets, whose law no other stream depends on."""
        return np.random.default_rng((self.seed, _STREAMS[self.split], stream))


class Draws(NamedTuple):
    """The training law, and the test law that all runs share.

    Attributes:
        law: Of the training and validation targets; None for the test law.
        within: ``[low, high]``, between which the test targets are uniform.
        data_seed: Of training and validation.
        test_seed: Of the test.
    """

    law: Law | None
    within: Sequence[float]
    data_seed: int
    test_seed: int

    def of(self, split: str, size: int, setting: str) -> Draw:
        """The draw of a split.

        Args:
            split: ``train``, ``val`` or ``test``.
            size: How many targets.
            setting: What messages call the size.

        Raises:
            InputError: If the size is no whole number from 1 on, a seed is none from 0 on, or the range has no room.
        """
        checked_whole(setting, size, 1)
        shared = Uniform(self.within)
        if split == "test":
            return Draw(shared, size, checked_whole("dataset.test_seed", self.test_seed, 0), split)
        return Draw(self.law or shared, size, checked_whole("dataset.data_seed", self.data_seed, 0), split)
