"""Which training images an epoch is made of (``conf/sampler``)."""

import numpy as np
from numpy.typing import NDArray

from lightning_imb.data.class_probabilities import KINDS, class_probabilities
from lightning_imb.data.draws import Draw, draw_by_class, draw_in_cycles, shuffled
from lightning_imb.utils.checked import checked_choice, checked_flag, checked_number, start_of
from lightning_imb.utils.errors import InputError


class Sampling:
    """Draws an epoch class by class, from a given epoch on; every image once before that. A `Draw`.

    A function of the epoch and its random numbers alone, so a resumed run needs no memory of the epochs before.

    Args:
        kind: How likely each class is, see `class_probabilities`.
        power: 0..1, read by ``kind="power"`` only.
        beta: 0..1, read by ``kind="effective"`` only.
        start: First epoch drawn so, 0-based; a float is a share of ``epochs``. Until then every image once (instance
            sampling), which makes any kind deferred (DRS).
        epochs: Of the whole fit, >= 1; ``progressive`` moves evenly from instance sampling at ``start`` to class
            balance at the end of the last epoch.
        replacement: True draws independently; False evenly spread and all images of a class before one comes again
            (class-aware sampling; with ``kind="instance"`` each image once).
        epoch_length: Draws of an epoch, also of those before ``start``: ``dataset``, as many as there are images;
            ``balanced``, the largest class times the number of classes; or a whole number >= 1.

    Raises:
        InputError: If an argument is out of its range, or ``start`` is never reached.

    Source:
        Deferred re-sampling: Cao et al. 2019 (arXiv 1906.07413). The kinds: `class_probabilities`.
    """

    def __init__(
        self,
        kind: str,
        power: float,
        beta: float,
        start: int | float,
        epochs: int,
        replacement: bool,
        epoch_length: int | str,
    ) -> None:
        self.kind = checked_choice("sampler.kind", kind, KINDS)
        self.power = checked_number("sampler.power", power, 0, 1)
        self.beta = checked_number("sampler.beta", beta, 0, 1)
        self.replacement = checked_flag("sampler.replacement", replacement)
        self.epochs = _checked_whole("sampler.epochs", epochs, "give a whole number >= 1")
        self.first = start_of("sampler.start", start, epochs)
        if epoch_length not in ("dataset", "balanced"):
            _checked_whole("sampler.epoch_length", epoch_length, "give dataset, balanced or a whole number >= 1")
        self.epoch_length = epoch_length

    def __call__(self, target: NDArray[np.int64], epoch: int, random: np.random.Generator) -> NDArray[np.int64]:
        """The rows of an epoch, see `Draw`."""
        counts = np.bincount(target)
        size = self._size(counts)
        if epoch < self.first or (self.kind == "instance" and not self.replacement):
            return shuffled(len(target), size, random)
        draw = draw_by_class if self.replacement else draw_in_cycles
        return draw(target, self.probabilities(counts, epoch), size, random)

    def probabilities(self, counts: NDArray[np.int64], epoch: int) -> NDArray[np.float64]:
        """(K,) of the classes with these counts (K,), in an epoch from the first one on; sum 1."""
        progress = (epoch - self.first) / max(1, self.epochs - self.first)
        return class_probabilities(counts, self.kind, self.power, self.beta, min(1.0, progress))

    def expected(self, counts: NDArray[np.int64], epoch: int) -> NDArray[np.int64]:
        """(K,) how often an epoch draws each class on average, in as many draws as there are images.

        Not in as many as the epoch has: rounded, a few draws would have other shares.
        """
        shares = counts / counts.sum() if epoch < self.first else self.probabilities(counts, epoch)
        expected: NDArray[np.int64] = np.rint(counts.sum() * shares).astype(np.int64)
        return expected

    def _size(self, counts: NDArray[np.int64]) -> int:
        if self.epoch_length == "dataset":
            return int(counts.sum())
        if self.epoch_length == "balanced":
            return int(counts.max() * np.count_nonzero(counts))
        return int(self.epoch_length)


def expected_counts(draw: Draw, target: NDArray[np.int64], num_classes: int, epoch: int) -> list[int]:
    """How many samples of each class reach the loss in as many draws as there are images.

    Args:
        draw: Draws it. Of other draws than `Sampling` one epoch is drawn and counted.
        target: (N,) class indices of the training images.
        num_classes: K.
        epoch: Counted from 0.

    Returns:
        (K,) numbers >= 1: a class that hardly comes still has a weight.
    """
    if isinstance(draw, Sampling):
        counts = draw.expected(np.bincount(target, minlength=num_classes), epoch)
    else:
        counts = np.bincount(target[draw(target, epoch, np.random.default_rng(epoch))], minlength=num_classes)
    expected: list[int] = np.maximum(1, counts).tolist()
    return expected


def _checked_whole(name: str, value: object, cure: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InputError(f"{name} is {value!r}; {cure}")
    return value
