"""What has to be known of the numbers of a report: how, where, when and with what they were measured."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning_imb.launches import current_launches
from lightning_imb.reports.collect import RunRecord
from lightning_imb.utils.errors import InputError

UNKNOWN = "not recorded"


def facts(records: Sequence[RunRecord], rows: int) -> list[tuple[str, str]]:
    """Name and text of every line of a report's caption.

    Args:
        records: The runs.
        rows: Number of rows they make.
    """
    seeds = sorted({record.seed for record in records})
    return [
        ("runs", f"{len(records)} finished in {rows} row{'s' if rows > 1 else ''}"),
        ("seeds", ", ".join(map(str, seeds))),
        ("dataset", _distinct(str(record.metrics.get("dataset", UNKNOWN)) for record in records)),
        ("protocol", _distinct(record.protocol for record in records)),
        ("precision", _distinct(str(record.metrics.get("precision", UNKNOWN)) for record in records)),
        ("trained", _dates(record.path for record in records)),
        ("hardware", _distinct(_pairs(record.metrics.get("hardware")) for record in records)),
        ("versions", _distinct(_pairs(record.metrics.get("versions")) for record in records)),
    ]


def _pairs(values: Mapping[str, Any] | None) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items()) if values else UNKNOWN


def _distinct(texts: Iterable[str]) -> str:
    """The one text all runs agree on, or each with its number of runs."""
    found = Counter(texts)
    parts = [f"{text} ({n} run{'s' if n > 1 else ''})" for text, n in found.items()]
    return next(iter(found)) if len(found) == 1 else "; ".join(parts)


def _dates(folders: Iterable[Path]) -> str:
    days = sorted(day for folder in folders for day in _days(folder))
    return UNKNOWN if not days else " to ".join(dict.fromkeys((days[0], days[-1])))


def _days(folder: Path) -> list[str]:
    """Days (UTC) on which a run was launched."""
    try:
        return [str(launch["started"])[:10] for launch in current_launches(folder)]
    except InputError:  # the run's own entry shows the sentence
        return []
