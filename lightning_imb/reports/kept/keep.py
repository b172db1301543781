"""From finished runs to kept results."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lightning_imb.reports.collect import RunRecord, grouped
from lightning_imb.reports.comparison import check_repeats
from lightning_imb.reports.differences import check_keys
from lightning_imb.reports.kept.cell import Cell, read_cell
from lightning_imb.reports.kept.gather import kept_run, settings_hash
from lightning_imb.utils.errors import InputError


def keep(records: Sequence[RunRecord], rows: Sequence[str], folder: Path) -> list[Path]:
    """Write one file per row; seeds that a file of the same settings has already stay in it, equal ones are renewed.

    Args:
        records: Finished runs.
        rows: Keys that make a row.
        folder: Where the files are.

    Returns:
        The files.

    Raises:
        InputError: If runs of one row differ in more than the seed, two rows would have one file, or a file holds the
            row with other settings or data. Nothing is written then.
    """
    check_keys(records, rows)
    cells = []
    for labels, members in grouped(records, rows).items():
        check_repeats(members, f"row {', '.join(labels)}", rows)
        cells.append(_joined(_cell(dict(zip(rows, labels, strict=True)), members), folder))
    twice = [name for name, times in Counter(cell.file_name for cell in cells).items() if times > 1]
    if twice:
        raise InputError(f"two rows would both be kept as {twice[0]}: name other keys in rows=")
    for cell in cells:
        _check_data(cell, folder)
    return [cell.write(folder) for cell in cells]


def _cell(row: dict[str, str], members: Sequence[RunRecord]) -> Cell:
    first = members[0]
    if not first.regression and any(record.train_counts != first.train_counts for record in members):
        raise InputError(f"{first.path} and another run of its row have other training images: keep them apart")
    return Cell(
        row=row,
        settings_hash=settings_hash(first),
        protocol=first.protocol,
        selected_on=str(first.metrics.get("selected_on", "nothing")),
        dataset=str(first.metrics.get("dataset", "")),
        class_names=tuple(first.metrics["class_names"]),
        train_counts=tuple(first.train_counts),
        runs=tuple(kept_run(record) for record in sorted(members, key=lambda record: record.seed)),
    )


def _joined(cell: Cell, folder: Path) -> Cell:
    """The new runs, and those of other seeds that are kept already."""
    path = folder / cell.file_name
    if not path.is_file():
        return cell
    held = read_cell(path)
    if replace(held, runs=()) != replace(cell, runs=()):
        raise InputError(
            f"{path} holds this row with other settings or data (hash {held.settings_hash}, now {cell.settings_hash}): "
            "name what differs in rows=, keep them in another folder, or delete the file"
        )
    runs = {run.seed: run for run in (*held.runs, *cell.runs)}
    return replace(cell, runs=tuple(runs[seed] for seed in sorted(runs)))


def _check_data(cell: Cell, folder: Path) -> None:
    """Seeds of a classification are on the same images; numeric targets may be drawn anew with every seed."""
    if any(run.hits for run in cell.runs) and len({(run.fingerprint, run.support) for run in cell.runs}) > 1:
        raise InputError(f"{folder / cell.file_name} would hold runs on different data: keep them in another folder")
