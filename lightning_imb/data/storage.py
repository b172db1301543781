"""Where image files lie: a folder or a zip archive, behind one interface."""

import os
import threading
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from lightning_imb.utils.errors import InputError


class BadImageError(InputError):
    """One file is no image, or a damaged one; `on_bad_image=skip` leaves such files out."""


class FileStore(Protocol):
    """Read-only files under one root; names are paths inside the root with forward slashes."""

    @property
    def root(self) -> Path:
        """Folder or archive the files are in."""

    def files(self) -> list[str]:
        """Names of all files, in no particular order."""

    def folders(self) -> list[str]:
        """Names of all folders, also empty ones, in no particular order."""

    def has(self, name: str) -> bool:
        """Whether a file of that name is there."""

    def read(self, name: str) -> bytes:
        """The file's content; raises `InputError` when it cannot be read."""

    def stamp(self, name: str) -> str:
        """What tells a changed file, without reading it (size, and checksum where stored); the same after a move."""

    def content_stamps(self, names: Sequence[str]) -> list[str]:
        """What changes when the content of any of these files does; files that were moved may count as changed."""


class FolderStore:
    """Files of a directory tree.

    ``stamp`` knows sizes only: a file that was replaced by another one of equal size goes unnoticed in what is built
    on it, the fingerprint of a data set. Times notice, but they change when data are copied or moved: they are in
    ``content_stamps``, for what may not be mistaken and can be made anew.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def files(self) -> list[str]:
        """Names of all files below the root."""
        walk = os.walk(self.root, followlinks=True)
        return [self._name(Path(folder, file)) for folder, _, files in walk for file in files]

    def folders(self) -> list[str]:
        """Names of all folders below the root."""
        walk = os.walk(self.root, followlinks=True)
        return [self._name(Path(folder, sub)) for folder, subs, _ in walk for sub in subs]

    def has(self, name: str) -> bool:
        """Whether a file of that name is there."""
        return (self.root / name).is_file()

    def read(self, name: str) -> bytes:
        """The file's content."""
        try:
            return (self.root / name).read_bytes()
        except OSError as error:
            raise InputError(f"{self.root / name} cannot be read ({error.strerror}): check dataset.root") from error

    def stamp(self, name: str) -> str:
        """Size in bytes."""
        return str(self._stat(name).st_size)

    def content_stamps(self, names: Sequence[str]) -> list[str]:
        """The root, then size and times of change of every file."""
        stats = map(self._stat, names)
        # the time of the inode as well: copies and archives may bring the modification time of the original along
        return [str(self.root.resolve()), *(f"{s.st_size} {s.st_mtime_ns} {s.st_ctime_ns}" for s in stats)]

    def _stat(self, name: str) -> os.stat_result:
        try:
            return os.stat(f"{self.root}/{name}")  # a Path for each of a hundred thousand files takes as long again
        except OSError as error:
            raise InputError(f"{self.root / name} cannot be read ({error.strerror}): check dataset.root") from error

    def _name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


class ZipStore:
    """Members of a zip archive, opened lazily and once per process.

    A file handle shared over a fork would share its read position, so a worker process opens its own; only
    the path travels when the store is pickled.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._handle: tuple[int, zipfile.ZipFile, threading.Lock] | None = None

    def __getstate__(self) -> dict[str, object]:
        return {"root": self.root, "_handle": None}

    def files(self) -> list[str]:
        """Names of all members that are files."""
        return [name for name in self._open()[0].namelist() if not name.endswith("/")]

    def folders(self) -> list[str]:
        """Names of all folders, written in the archive or implied by its files."""
        found: set[str] = set()
        for name in self._open()[0].namelist():
            parts = name.split("/")[:-1]
            found.update("/".join(parts[: depth + 1]) for depth in range(len(parts)))
        return list(found)

    def has(self, name: str) -> bool:
        """Whether a file of that name is there."""
        return name in self._open()[0].NameToInfo

    def read(self, name: str) -> bytes:
        """The member's content."""
        archive, lock = self._open()
        try:
            with lock:
                return archive.read(name)
        except (zipfile.BadZipFile, zlib.error) as error:
            raise BadImageError(f"{self.root}: member {name} is damaged ({error}): pack the zip again") from error
        except KeyError as error:
            raise InputError(f"{self.root} has no member {name}: check dataset.root") from error
        except (RuntimeError, NotImplementedError, OSError) as error:
            raise InputError(f"{self.root}: member {name} cannot be read ({error}): unpack the zip") from error

    def stamp(self, name: str) -> str:
        """Size in bytes and CRC-32, both from the archive's directory."""
        return self.content_stamps([name])[0]

    def content_stamps(self, names: Sequence[str]) -> list[str]:
        """Size and CRC-32 of every member."""
        members = self._open()[0].NameToInfo
        try:
            return [f"{member.file_size}:{member.CRC}" for member in map(members.__getitem__, names)]
        except KeyError as error:
            raise InputError(f"{self.root} has no member {error.args[0]}: check dataset.root") from error

    def _open(self) -> tuple[zipfile.ZipFile, threading.Lock]:
        handle = self._handle
        if handle is None or handle[0] != os.getpid():
            try:
                handle = (os.getpid(), zipfile.ZipFile(self.root), threading.Lock())
            except (zipfile.BadZipFile, OSError) as error:
                raise InputError(f"{self.root} is not a readable zip archive ({error}): check the file") from error
            self._handle = handle
        return handle[1], handle[2]


def open_store(root: str | Path) -> FileStore:
    """Folder or zip archive at ``root``.

    Raises:
        InputError: When there is neither.
    """
    path = Path(str(root)).expanduser()  # a folder called 2024 comes from the command line as a number
    if path.is_dir():
        return FolderStore(path)
    if path.is_file():
        return ZipStore(path)
    raise InputError(f"dataset.root={path} does not exist: give a folder of images or a .zip of one")
