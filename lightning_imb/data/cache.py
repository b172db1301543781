"""Image files are decoded once: sets that were decoded, or found sound, are remembered on disk."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL
import torch
from numpy.typing import NDArray
from torch import Tensor

from lightning_imb.data.cache_files import CacheFiles, Entry
from lightning_imb.data.digest import digest
from lightning_imb.data.loading import Verified, load_all, log_skipped, verify
from lightning_imb.data.sources import FileSource, ImageSource

# To be raised when `decode_image` changes what it makes of a file; PIL's version counts as well, for it decodes.
DECODER = f"1, pillow {PIL.__version__}"


class Decoded(NamedTuple):
    """Images in memory.

    Attributes:
        images: uint8 (M, C, H, W).
        kept: (M,) their indices into the source.
        cached: Whether they are mapped from a file, whose memory all processes share.
    """

    images: Tensor
    kept: NDArray[np.int64]
    cached: bool


class ImageCache:
    """Remembers what `load_all` and `verify` make of image files.

    An entry belongs to the chosen files in their order, each with its size and time of change (in a zip: size and
    checksum), to the decoding options and to the decoder. A changed file, another choice or another option is
    therefore another entry. Images that are arrays already are not cached.

    Args:
        folder: Where entries are kept, ``~`` is the user's home; None for no cache, neither read nor written.
        limit_gb: Bound of all entries together, in 10^9 bytes.
    """

    def __init__(self, folder: str | Path | None, limit_gb: float) -> None:
        self._files = None if folder is None else CacheFiles(Path(folder).expanduser(), limit_gb)

    def load(self, source: ImageSource, indices: NDArray[np.int64], on_bad_image: str) -> Decoded:
        """As `load_all`, from the cache where possible.

        Raises:
            InputError: As `load_all`.
        """
        if self._files is None or not isinstance(source, FileSource):
            return Decoded(*load_all(source, indices, on_bad_image), cached=False)
        key = _key("pixels", source, indices, on_bad_image)
        entry = self._files.read(key)
        if entry is not None and entry.pixels is not None:
            return Decoded(_tensor(entry.pixels), _remembered(source, indices, entry.bad), cached=True)
        images, kept = load_all(source, indices, on_bad_image)
        bad = np.flatnonzero(~np.isin(indices, kept)).tolist()
        channels, height, width = images.shape[1:]
        self._files.write(key, Entry((channels, height, width), bad, None, images.permute(0, 2, 3, 1).numpy()))
        written = self._files.read(key)  # mapped from now on, as in the processes that come after this one
        if written is None or written.pixels is None:
            return Decoded(images, kept, cached=False)
        return Decoded(_tensor(written.pixels), kept, cached=True)

    def verify(self, source: ImageSource, on_bad_image: str) -> Verified:
        """As `verify`, from the cache where possible.

        Raises:
            InputError: As `verify`.
        """
        if self._files is None or not isinstance(source, FileSource):
            return verify(source, on_bad_image)
        rows = np.arange(len(source), dtype=np.int64)
        key = _key("verified", source, rows, on_bad_image)
        entry = self._files.read(key)
        if entry is not None and entry.counts is not None:
            return Verified(_remembered(source, rows, entry.bad), entry.shape, torch.tensor(entry.counts))
        found = verify(source, on_bad_image)
        self._files.write(key, Entry(found.shape, np.setdiff1d(rows, found.good).tolist(), found.counts.tolist(), None))
        return found


def _key(kind: str, source: FileSource, indices: NDArray[np.int64], on_bad_image: str) -> str:
    names = [source.names[i] for i in indices.tolist()]
    options = [kind, DECODER, str(source.image_size), str(source.channels), on_bad_image]
    return digest([options, names, source.store.content_stamps(names)])


def _remembered(source: ImageSource, indices: NDArray[np.int64], bad: Sequence[int]) -> NDArray[np.int64]:
    """Rows without the bad ones, which are named again."""
    log_skipped([source.names[i] for i in indices[bad].tolist()], len(indices))
    return np.delete(indices, bad)


def _tensor(pixels: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)
