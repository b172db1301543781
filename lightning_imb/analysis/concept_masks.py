"""The masks of several concepts in many images, packed, and the same masks dealt to other images."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class ConceptMasks:
    """Keeps masks at one bit per pixel: six concepts in 1000 images of 224 x 224 take 38 MB.

    Args:
        names: (C,) what the concepts are called.
        images: N.
        size: (H, W).

    Attributes:
        annotated: (N, C) bool, which images count for which concept.
    """

    def __init__(self, names: Sequence[str], images: int, size: tuple[int, int]) -> None:
        self.names, self.size, self.pixels = tuple(names), size, size[0] * size[1]
        self.annotated = np.zeros((images, len(names)), dtype=bool)
        self._bits = np.zeros((images, len(names), -(-self.pixels // 8)), dtype=np.uint8)

    def put(self, image: int, concept: int, mask: NDArray[np.bool_]) -> None:
        """Keep the mask (H, W) of a concept in an image, which is annotated with it from now on."""
        assert mask.shape == self.size, (mask.shape, self.size)
        self._bits[image, concept] = np.packbits(mask)
        self.annotated[image, concept] = True

    def count_all_images(self) -> None:
        """Let images without annotation count as images in which the concept is nowhere."""
        self.annotated[:] = True

    def read(self, owners: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Unpack masks.

        Args:
            owners: (..., C) the image whose mask is wanted of each concept.

        Returns:
            The masks, (..., C, H*W), and which of them count, (..., C).
        """
        concepts = np.arange(len(self.names))
        bits = self._bits[owners, concepts]
        shown = np.unpackbits(bits, axis=-1, count=self.pixels).view(np.bool_)
        return shown, self.annotated[owners, concepts]

    def union(self, image: int, concepts: Sequence[int]) -> NDArray[np.bool_]:
        """Where an image shows any of some concepts, (H, W)."""
        bits = np.bitwise_or.reduce(self._bits[image, list(concepts)], axis=0)
        return np.unpackbits(bits, count=self.pixels).reshape(self.size).astype(bool)

    def showing(self, concept: int) -> int:
        """How many images show a concept."""
        return int(self._bits[:, concept].any(axis=1).sum())

    def area(self, concept: int) -> float:
        """Share of the pixels of the annotated images that show a concept; NaN without such images."""
        counted = self._bits[self.annotated[:, concept], concept]
        filled = sum(int(np.unpackbits(bits).sum()) for bits in counted)
        return filled / (len(counted) * self.pixels) if len(counted) else float("nan")

    def ceiling(self, concept: int, share: float) -> float:
        """The largest IoU of a unit that is on at a share of the pixels of all images; NaN if the concept is nowhere.

        The best unit is on in the concept first, then in images that do not count for it, in the others last.
        """
        images, counted = len(self.annotated), int(self.annotated[:, concept].sum())
        on, filled = share * images, self.area(concept) * counted  # areas, in images
        return min(on, filled) / max(filled, on - (images - counted)) if filled > 0 else float("nan")

    def own(self) -> NDArray[np.int64]:
        """(N, C) the image itself for every concept."""
        return np.repeat(np.arange(len(self.annotated))[:, None], len(self.names), axis=1)

    def dealt(self, draws: int, seed: int) -> NDArray[np.int64]:
        """Whose mask each image gets when masks are shuffled among the images annotated with a concept.

        Every mask is dealt once, to another image, so concepts cover as much as before and lie where they lie; only
        what they have to do with the image is gone.

        Args:
            draws: R shuffles.
            seed: Of the shuffles.

        Returns:
            (R, N, C) rows; an image without annotation, or the only one with it, keeps its own.
        """
        rng = np.random.default_rng(seed)
        dealt = np.repeat(self.own()[None], draws, axis=0)
        for draw in dealt:
            for c in range(len(self.names)):
                ring = rng.permutation(np.flatnonzero(self.annotated[:, c]))
                draw[ring, c] = np.roll(ring, 1)
        return dealt
