"""A csv logger that keeps what an interrupted run has written."""

from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger
from pytorch_lightning.utilities import rank_zero_only

from lightning_imb.tracking.csv_table import KEY_COLUMNS, MetricsTable


class CsvLogger(Logger):
    """Writes ``<save_dir>/csv/metrics.csv``, one row per (phase, epoch, step).

    Lightning's own ``CSVLogger`` deletes the file of an earlier start when a run is resumed. This one reads
    it and merges: a key that comes again updates its row. Both fits of a run may share one logger or bring
    one each; the phase of a row follows from the names of its metrics (see ``MetricsTable.phase_of``).

    Args:
        save_dir: The run folder.
    """

    def __init__(self, save_dir: str | Path) -> None:
        super().__init__()
        self._save_dir = Path(save_dir)
        self._table: MetricsTable | None = None
        self._changed = False

    @property
    def path(self) -> Path:
        """The csv file."""
        return self._save_dir / "csv" / "metrics.csv"

    @property
    def name(self) -> str:
        """Name of the logger."""
        return "csv"

    @property
    def version(self) -> str:
        """There is one file per run folder, hence no version."""
        return ""

    @property
    def save_dir(self) -> str:
        """The run folder."""
        return str(self._save_dir)

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Merge scalars into the table; they reach the disk at the next :meth:`save`.

        Args:
            metrics: Scalars by name. ``epoch`` among them becomes part of the key.
            step: Optimiser step of the fit.
        """
        if self._table is None:  # read as late as possible: the file may come from an earlier logger of this run
            self._table = MetricsTable.read(self.path)
        values = {name: float(value) for name, value in metrics.items() if name not in KEY_COLUMNS}
        epoch = int(metrics["epoch"]) if "epoch" in metrics else None
        self._table.update(self._table.phase_of(values), epoch, step, values)
        self._changed = True

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Nothing to do: ``config.yaml`` of the run folder holds every setting."""

    @rank_zero_only
    def save(self) -> None:
        """Write the file in one atomic step. Lightning calls this after every ``log_metrics``."""
        if self._table is not None and self._changed:
            self._table.write(self.path)
            self._changed = False

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Write what is left and let go of the table, so that the next fit starts from the file."""
        self.save()
        self._table = None
