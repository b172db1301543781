"""Writing a file so that a reader, or a crash, never meets half of it."""

import errno
import json
import logging
import math
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from lightning_imb.utils.errors import InputError, NoRoomError

log = logging.getLogger(__name__)

_DRAFT = re.compile(r"\..+\.[0-9a-f]{32}")
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def atomic_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for writing that appears under its name only once it is complete.

    The bytes go to a hidden file in the same folder, are flushed to the disk and then take over the name
    with ``os.replace``, which is atomic within one file system. When the block raises, the hidden file is
    removed and an earlier file of that name stays as it was.

    Args:
        path: Where the file shall stand. Missing parent folders are made.

    Yields:
        The binary file to write to.

    Raises:
        NoRoomError: If the disk, or a quota on it, is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft_of(path)
    try:
        with _replacing(path, draft) as file:
            yield file
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def growing_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes its name once it is complete, as `atomic_file`, and is dear to make till then.

    Its draft stands beside it as ``<name>.<random>.part``. When the block raises, or the process is killed, the draft
    stays with what was written and flushed.

    Args:
        path: Where the file shall stand, in a folder that is there.

    Yields:
        The binary file to write to.

    Raises:
        InputError: That of the block, or of a full disk, with the name of the draft.
    """
    draft = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        with _replacing(path, draft) as file:
            yield file
    except InputError as error:
        if not _worth_keeping(draft):
            raise
        raise InputError(f"{error}; what was done before is in {draft}") from error
    except BaseException:
        if _worth_keeping(draft):
            log.warning("what was done before is in %s", draft)
        raise


@contextmanager
def _replacing(path: Path, draft: Path) -> Iterator[IO[bytes]]:
    """Open a draft that takes over the name ``path`` when the block ends well."""
    try:
        with draft.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise NoRoomError(
            f"cannot write {path} ({error.strerror}): make room and launch the same command again; "
            "what was written before is intact"
        ) from error


def _worth_keeping(draft: Path) -> bool:
    """Whether a draft holds anything; one that does not is removed."""
    if draft.is_file() and draft.stat().st_size > 0:
        return True
    draft.unlink(missing_ok=True)
    return False


def link_or_copy(source: Path, target: Path) -> None:
    """Let a file appear under another name too, in one atomic step: as a hard link, or else as a copy.

    Only for files that are never changed in place, only replaced.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft_of(target)
    try:
        os.link(source, draft)
    except OSError:  # another file system, or one without hard links
        with source.open("rb") as there, atomic_file(target) as here:
            shutil.copyfileobj(there, here)
        return
    os.replace(draft, target)
    draft.unlink(missing_ok=True)  # rename does nothing where both names already are the same file


def remove_drafts(folder: Path, pattern: str = "**/*") -> None:
    """Delete what writers that were killed left of files that nobody writes now.

    Args:
        folder: May be missing.
        pattern: The files, by a glob in this folder; all files below it unless given.
    """
    parent, _, name = pattern.rpartition("/")
    for path in folder.glob(f"{parent}/.{name}.*" if parent else f".{name}.*"):
        if _DRAFT.fullmatch(path.name):
            path.unlink(missing_ok=True)


def _draft_of(path: Path) -> Path:
    # named here and not by tempfile, whose files only their owner may read
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}")


def write_text_atomic(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8 in one atomic step."""
    with atomic_file(path) as file:
        file.write(text.encode("utf-8"))


def write_json_atomic(path: Path, value: Mapping[str, Any]) -> None:
    """Write a mapping as JSON in one atomic step.

    Arrays and tensors become lists, paths become strings, and numbers that JSON cannot hold (NaN, ±inf)
    become ``null``: a reader gets "not available" rather than a file that strict parsers refuse.

    Args:
        path: Where the file shall stand.
        value: Nested mappings, sequences, numbers, strings, arrays, zero-dimensional tensors, paths.

    Raises:
        TypeError: A value has no counterpart in JSON.
    """
    write_text_atomic(path, json.dumps(_plain(value), indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # arrays, their scalars, tensors
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
