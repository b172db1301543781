"""What ``imb-analyze`` has left in the folder of a run or of a sweep, read again."""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_imb.reports.html.parts import Picture, png_address
from lightning_imb.runs import ANALYSES, FINDINGS
from lightning_imb.utils.errors import InputError

_PNG = b"\x89PNG\r\n\x1a\n"
_SIZE = struct.Struct(">II")
_SIZE_AT = 16  # bytes of a png file before its width and height


@dataclass(frozen=True)
class Result:
    """Findings of one analysis.

    Attributes:
        folder: Where figures and tables are.
        title: What the analysis is called.
        numbers: By name; NaN where not defined.
        captions: By name of the figure.
        remarks: What the analysis left out, and why.
        settings: With what it was made.
        runs: Of a comparison, the folders of its runs, relative to that of the sweep.
    """

    folder: Path
    title: str
    numbers: dict[str, float]
    captions: dict[str, str]
    remarks: tuple[str, ...]
    settings: dict[str, Any]
    runs: tuple[str, ...]

    def picture(self, name: str, whose: str) -> Picture:
        """One of the figures, for the page.

        Args:
            name: Of the figure.
            whose: Which run it is of; stands above it.

        Raises:
            InputError: The file is missing or no png file.
        """
        file = self.folder / f"{name}.png"
        try:
            content = file.read_bytes()
        except OSError as error:
            raise InputError(f"{file} cannot be read ({error.strerror}): run imb-analyze with force=true.") from error
        if not content.startswith(_PNG) or len(content) < _SIZE_AT + _SIZE.size:
            raise InputError(f"{file} is damaged (no png file): run imb-analyze with force=true.")
        width, height = _SIZE.unpack_from(content, _SIZE_AT)
        caption = self.captions[name]
        alt = f"{self.title} of {whose}: figure {name}. {caption}"
        return Picture(png_address(content), alt, caption, width, height, whose)


def analyses_in(folder: Path) -> list[str]:
    """Names of the analyses whose findings are in a folder, sorted.

    Args:
        folder: Of a run or of a sweep.
    """
    return sorted(file.parent.name for file in (folder / ANALYSES).glob(f"*/{FINDINGS}"))


def read_result(folder: Path, name: str) -> Result:
    """Read the findings of one analysis.

    Args:
        folder: Of a run or of a sweep.
        name: Of the analysis, from `analyses_in`.

    Raises:
        InputError: They are damaged.
    """
    file = folder / ANALYSES / name / FINDINGS
    try:
        return _result(file.parent, json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{file} is damaged and left out: run imb-analyze with force=true.") from error


def _result(folder: Path, found: Mapping[str, Any]) -> Result:
    return Result(
        folder=folder,
        title=str(found["title"]),
        numbers={name: math.nan if value is None else float(value) for name, value in found["numbers"].items()},
        captions={name: str(text) for name, text in found["captions"].items()},
        remarks=tuple(str(remark) for remark in found["remarks"]),
        settings=dict(found["settings"].items()),
        runs=tuple(str(run) for run in found.get("runs", ())),
    )
