"""Entries of a cache on disk: pixels and what is known of them, bounded in size, never half written."""

import contextlib
import json
import logging
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from tokenize import TokenError
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from lightning_imb.utils.atomic import atomic_file, write_json_atomic

log = logging.getLogger(__name__)

# what a file of another content than ours can raise, from open() to numpy's reader of headers
_DAMAGES = (OSError, ValueError, KeyError, TypeError, EOFError, SyntaxError, TokenError)

# an entry's files and their drafts; anything else in the folder is none of our business
_OURS = re.compile(r"\.?(?P<key>[0-9a-f]{64})\.(npy|json)(\.[0-9a-f]{32})?")


class Entry(NamedTuple):
    """What is kept of a set of images.

    Attributes:
        shape: (C, H, W) of every image.
        bad: Positions of the images that cannot be decoded, ascending.
        counts: How often each level occurs in each channel, (C, 256); None where that is not kept.
        pixels: uint8 (N, H, W, C) of the good ones, in order; None where they are not kept.
    """

    shape: tuple[int, int, int]
    bad: list[int]
    counts: list[list[int]] | None
    pixels: NDArray[np.uint8] | None


class CacheFiles:
    """``<key>.npy`` with the pixels and ``<key>.json`` with the rest, which is written last.

    Neither a folder that cannot be written to nor a damaged file stops a run: the first costs a warning, the second
    is as if it were not there. Files of equal key have equal content, so processes may write them at the same time.

    Args:
        folder: Where they lie; made when it is needed.
        limit_gb: When all files together take more, in 10^9 bytes, those used longest ago go.
    """

    def __init__(self, folder: Path, limit_gb: float) -> None:
        self.folder = folder
        self.limit = limit_gb * 1e9
        self.writable = True  # until the contrary shows: one warning is enough

    def read(self, key: str) -> Entry | None:
        """The entry of a key, its pixels mapped from the file (changes stay in this process); None without one."""
        marker = self._file(key, "json")
        try:
            entry = self._parse(key, json.loads(marker.read_text(encoding="utf-8")))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except _DAMAGES as error:
            log.warning("the cached images %s are damaged (%s): decoding them anew", marker.with_suffix(""), error)
            return None
        with contextlib.suppress(OSError):  # a folder that is only read is a cache still; its entries look unused
            os.utime(marker)
        return entry

    def _parse(self, key: str, facts: Any) -> Entry:
        channels, height, width = shape = _whole_numbers(facts["shape"])
        bad = _whole_numbers(facts["bad"])
        if facts["crc32"] is None:
            counts = [_whole_numbers(count) for count in facts["counts"]]
            return Entry((channels, height, width), bad, counts, None)
        pixels = np.load(self._file(key, "npy"), mmap_mode="c")
        if pixels.shape[1:] != (height, width, channels) or pixels.dtype != np.uint8:
            raise ValueError(f"{pixels.dtype} {pixels.shape} instead of uint8 images of {shape}")
        if zlib.crc32(pixels.data) != facts["crc32"]:
            raise ValueError("another checksum")
        return Entry((channels, height, width), bad, None, pixels)

    def write(self, key: str, entry: Entry) -> None:
        """Keep an entry, and make room for it; nothing happens when it alone is over the limit."""
        pixels = entry.pixels
        if not self.writable or (0 if pixels is None else pixels.nbytes) > self.limit:
            return
        try:
            if pixels is not None:
                with atomic_file(self._file(key, "npy")) as file:
                    np.save(file, pixels)
            crc32 = None if pixels is None else zlib.crc32(pixels.data)
            facts = {"shape": entry.shape, "bad": entry.bad, "counts": entry.counts, "crc32": crc32}
            write_json_atomic(self._file(key, "json"), facts)
            self._make_room(key)
        except OSError as error:
            self.writable = False
            log.warning("decoded images cannot be kept in %s (%s): set paths.cache, or cache=false", self.folder, error)

    def _make_room(self, newest: str) -> None:
        groups: dict[str, list[tuple[Path, int, float]]] = {}
        for key, file in self._files():
            with contextlib.suppress(FileNotFoundError):  # another process makes room as well
                stat = file.stat()
                groups.setdefault(key, []).append((file, stat.st_size, stat.st_mtime))
        total = sum(size for group in groups.values() for _, size, _ in group)
        groups.pop(newest, None)
        for group in sorted(groups.values(), key=lambda group: max(used for *_, used in group)):
            if total <= self.limit:
                return
            for file, size, _ in sorted(group):  # .json before .npy: no marker without its pixels
                file.unlink(missing_ok=True)
                total -= size

    def _files(self) -> Iterator[tuple[str, Path]]:
        for file in self.folder.iterdir():
            if match := _OURS.fullmatch(file.name):
                yield match["key"], file

    def _file(self, key: str, suffix: str) -> Path:
        return self.folder / f"{key}.{suffix}"


def _whole_numbers(values: Any) -> list[int]:
    if not isinstance(values, Sequence) or not all(isinstance(value, int) for value in values):
        raise ValueError(f"{values} instead of whole numbers")
    return list(values)
