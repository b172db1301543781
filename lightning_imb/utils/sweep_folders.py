"""Folders of the cells of a sweep: names that can be made, and whether they can be written to."""

import hashlib
import tempfile
from pathlib import Path

_LONGEST_NAME = 255  # bytes that Linux, macOS and NFS take for one folder
_DIGEST = 12  # hexadecimal digits, enough to tell the cells of a sweep apart


def folder_name(subdir: str) -> str:
    """The folder of a cell below the sweep's, in a form that can be made and stays below it.

    Names are made of the values a user gives: a path among them makes several folders of one name, of which ``..``
    would lead out of the sweep; a long one is cut, and told apart by a digest of the whole.

    Args:
        subdir: What ``hydra.sweep.subdir`` says.

    Returns:
        A path of which each part has at most 255 bytes.
    """
    parts = [part for part in subdir.split("/") if part not in ("", ".")]
    inside = "/".join(_short("__" if part == ".." else part) for part in parts)
    return f"/{inside}" if subdir.startswith("/") else inside or "."


def _short(name: str) -> str:
    whole = name.encode()
    if len(whole) <= _LONGEST_NAME:
        return name
    kept = whole[: _LONGEST_NAME - _DIGEST - 1].decode(errors="ignore")
    return f"{kept}~{hashlib.sha256(whole).hexdigest()[:_DIGEST]}"


def why_unwritable(folder: Path) -> str:
    """Make a folder, and try whether a file can be written in it; leaves no file behind.

    Args:
        folder: May exist.

    Returns:
        A sentence with the cure; empty if all is well.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        why = error.strerror or type(error).__name__
        return f"the run folder {folder} cannot be written to ({why}): choose another hydra.sweep.dir, or free it"
