"""Which runs are in no table because they are not done, and which rows they would be in."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning_imb.reports.collect import RunRecord, has_all, run_folders
from lightning_imb.runs import RunFolder
from lightning_imb.settings import first_of
from lightning_imb.utils.errors import InputError

ALL: Mapping[str, Sequence[str]] = {}


def unfinished(root: Path, only: Mapping[str, Sequence[str]] = ALL) -> list[Path]:
    """Folders of the runs below a folder that have started and are not done, in order; see :func:`run_folders`.

    Args:
        root: Where to look.
        only: Values that runs must have, by key; runs whose config is not known are among them.
    """
    paths = sorted(run.path for run in run_folders(root) if not run.finished)
    return [path for path in paths if not only or _may_have(_record_of(path), only)]


def _may_have(record: RunRecord | None, only: Mapping[str, Sequence[str]]) -> bool:
    return record is None or has_all(record, only)


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


def unfinished_rows(root: Path, keys: Sequence[str], only: Mapping[str, Sequence[str]]) -> Unfinished:
    """Count the unfinished runs below a folder by their rows, as far as their config.yaml tells.

    Args:
        root: Where to look.
        keys: What makes a row.
        only: Values that runs must have to count, by key; runs whose config is not known count.
    """
    known = [_record_of(path) for path in unfinished(root)]
    rows = Counter(" ".join(r.label(key) for key in keys) for r in known if r is not None and has_all(r, only))
    return Unfinished(dict(rows), known.count(None))


def _record_of(path: Path) -> RunRecord | None:
    """A run that was refused has no config.yaml; a damaged one is told of when the run is launched again."""
    try:
        return RunRecord(path, {}, RunFolder(path).read_settings())
    except InputError:
        return None
