"""The regions of many images, packed, and draws of other images' regions as a level of chance."""

from collections import Counter, defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray


class RegionBank:
    """Keeps regions at one bit per pixel: 10,000 images of 224 x 224 take 63 MB.

    A map of an image that looks where lesions of its class usually are, without having found this one, agrees with the
    regions of *other* images of the class just as well. That is the chance level that respects how much of the frame
    the regions fill and that they lie in its middle.

    Args:
        seed: Of the draws; they do not depend on the order in which they are asked for.

    Attributes:
        without: How many images of each class came without a region.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.without: Counter[int] = Counter()
        self._bits: dict[int, NDArray[np.uint8]] = {}
        self._size: tuple[int, ...] = ()
        self._class_of: dict[int, int] = {}
        self._rows: dict[int, list[int]] = defaultdict(list)

    def __len__(self) -> int:
        return len(self._bits)

    def __contains__(self, row: int) -> bool:
        return row in self._bits

    @property
    def rows(self) -> list[int]:
        """The images that have a region, in the order in which they came."""
        return list(self._bits)

    def add(self, row: int, label: int, region: NDArray[Any] | None) -> None:
        """Keep the region (H, W) of one image of a class, or count that it has none; all have one size."""
        if region is None:
            self.without[label] += 1
            return
        self._size = self._size or region.shape
        assert region.shape == self._size, (region.shape, self._size)
        self._bits[row] = np.packbits(region.astype(bool))
        self._class_of[row] = label
        self._rows[label].append(row)

    def region(self, row: int) -> NDArray[np.bool_]:
        """The region of one image, (H, W)."""
        pixels = self._size[0] * self._size[1]
        return np.unpackbits(self._bits[row], count=pixels).reshape(self._size).astype(bool)

    def others(self, row: int, draws: int) -> NDArray[np.bool_]:
        """Regions of other images of the same class, drawn without replacement.

        Args:
            row: Whose own region is left out.
            draws: How many, at most.

        Returns:
            (R, H, W); R is smaller than ``draws`` where the class has fewer other images, and may be 0.
        """
        rest = [other for other in self._rows[self._class_of[row]] if other != row]
        if len(rest) > draws:
            rest = np.random.default_rng([self.seed, row]).choice(rest, draws, replace=False).tolist()
        return np.stack([self.region(other) for other in rest]) if rest else np.zeros((0, *self._size), dtype=bool)
