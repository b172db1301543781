"""The table behind ``csv/metrics.csv``: one row per (phase, epoch, step), one column per metric."""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from lightning_imb.phases import Phase
from lightning_imb.utils.atomic import write_text_atomic

Key = tuple[Phase, int | None, int | None]
KEY_COLUMNS = ("phase", "epoch", "step")
RETRAIN_PREFIX = f"{Phase.RETRAIN.value}/"


class MetricsTable:
    """Rows of metrics that can be merged, written and read back without losing any.

    A key that comes again (the epochs after the checkpoint of a resumed run) updates its row: new values
    replace old ones, values that do not come again stay.
    """

    def __init__(self) -> None:
        self._rows: dict[Key, dict[str, float]] = {}
        self._columns: dict[str, None] = {}
        # the text of the rows as they stand: every epoch writes the whole file, but changes one row of it
        self._lines: dict[Key, str] = {}

    @classmethod
    def read(cls, path: Path) -> "MetricsTable":
        """Read the table at ``path``; a file that does not exist is an empty table."""
        table = cls()
        if not path.is_file():
            return table
        with path.open(newline="", encoding="utf-8") as file:
            for line in csv.DictReader(file):
                values = {k: float(v) for k, v in line.items() if k not in KEY_COLUMNS and v}
                table.update(Phase(line["phase"]), _int(line["epoch"]), _int(line["step"]), values)
        return table

    def phase_of(self, names: Iterable[str]) -> Phase:
        """Tell which phase metrics that are logged together belong to.

        A name that starts with a phase settles it for all, and so do training and validation scores, which
        carry no phase in phase 1. Where none does (a learning-rate monitor, the test scores at the end), time
        settles it: once phase 3 has begun, phase 1 is over.
        """
        starts = {name.split("/", 1)[0] for name in names}
        for phase in Phase:
            if phase.value in starts:
                return phase
        over = any(key[0] is Phase.RETRAIN for key in self._rows) and not starts & {"train", "val"}
        return Phase.RETRAIN if over else Phase.REPRESENT

    def update(self, phase: Phase, epoch: int | None, step: int | None, values: Mapping[str, float]) -> None:
        """Merge ``values`` into the row of (phase, epoch, step)."""
        key = phase, epoch, step
        self._rows.setdefault(key, {}).update(values)
        self._lines.pop(key, None)
        if not values.keys() <= self._columns.keys():
            # in one order, whatever came first: a resumed run ends with the file of one that was never stopped
            self._columns = dict.fromkeys(sorted({*self._columns, *values}))
            self._lines.clear()

    def rows(self, phase: Phase) -> list[dict[str, float]]:
        """Rows of one phase in order of (epoch, step), with the keys ``epoch`` and ``step`` where known."""
        return [
            {name: float(v) for name, v in (("epoch", key[1]), ("step", key[2])) if v is not None} | values
            for key, values in ((key, self._rows[key]) for key in sorted(self._rows, key=_order))
            if key[0] is phase
        ]

    def only(self, phase: Phase) -> "MetricsTable":
        """The rows of one phase as a table of their own."""
        table = MetricsTable()
        for key, values in self._rows.items():
            if key[0] is phase:
                table.update(*key, values)
        return table

    def write(self, path: Path) -> None:
        """Write all rows to ``path`` in one atomic step, phase 1 first."""
        lines = [_line([*KEY_COLUMNS, *self._columns]), *map(self._line_of, sorted(self._rows, key=_order))]
        write_text_atomic(path, "".join(lines))

    def _line_of(self, key: Key) -> str:
        if key not in self._lines:
            phase, *numbers = key
            values = self._rows[key]
            self._lines[key] = _line([phase.value, *numbers, *map(values.get, self._columns)])
        return self._lines[key]

    def __len__(self) -> int:
        return len(self._rows)


def _line(cells: Iterable[object]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _order(key: Key) -> tuple[int, int, int]:
    phase, epoch, step = key
    return list(Phase).index(phase), -1 if epoch is None else epoch, -1 if step is None else step


def _int(text: str) -> int | None:
    return int(text) if text else None
