"""Which runs are in no table because they are not done, and which rows they would be in."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning_imb.reports.collect import RunRecord, run_folders
from lightning_imb.runs import RunFolder
from lightning_imb.settings import first_of
from lightning_imb.utils.errors import InputError


def unfinished(root: Path) -> list[Path]:
    """Folders of the runs below a folder that have started and are not done, in order; see :func:`run_folders`.

    Args:
        root: Where to look.
    """
    return sorted(run.path for run in run_folders(root) if not run.finished)


@dataclass(frozen=True)
class Unfinished:
    """Unfinished runs by the row of the table that they would be in.

    Attributes:
        rows: Name of each row, and its number of unfinished runs.
        nameless: Number of unfinished runs whose config.yaml was not written or is damaged.
    """

    rows: dict[str, int]
    nameless: int = 0

    @property
    def total(self) -> int:
        """Number of unfinished runs."""
        return sum(self.rows.values()) + self.nameless

    def sentence(self) -> str:
        """Such as ``3 unfinished (eos 100: 2, of unknown rows: 1)``."""
        known = first_of([f"{row}: {count}" for row, count in self.rows.items()])
        parts = [known] if known else []
        if self.nameless:
            parts.append(f"of unknown rows: {self.nameless}")
        return f"{self.total} unfinished" + (f" ({', '.join(parts)})" if parts else "")


def unfinished_rows(root: Path, keys: Sequence[str]) -> Unfinished:
    """Count the unfinished runs below a folder by their rows, as far as their config.yaml tells.

    Args:
        root: Where to look.
        keys: What makes a row.
    """
    names = [_row_of(path, keys) for path in unfinished(root)]
    return Unfinished(dict(Counter(name for name in names if name is not None)), names.count(None))


def _row_of(path: Path, keys: Sequence[str]) -> str | None:
    """A run that was refused has no config.yaml; a damaged one is told of when the run is launched again."""
    try:
        record = RunRecord(path, {}, RunFolder(path).read_settings())
    except InputError:
        return None
    return " ".join(record.label(key) for key in keys)
