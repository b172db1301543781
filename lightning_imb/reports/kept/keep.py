"""From finished runs to kept results."""

import hashlib
import json
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from lightning_imb.launches import launches_of
from lightning_imb.phases import Phase
from lightning_imb.reports.cells import MAX_CLASSES
from lightning_imb.reports.collect import RunRecord, grouped
from lightning_imb.reports.comparison import check_repeats
from lightning_imb.reports.differences import check_keys
from lightning_imb.reports.kept.cell import Cell, KeptRun, read_cell
from lightning_imb.runs import ANALYSES, FINDINGS, RunFolder
from lightning_imb.tracking.csv_table import RETRAIN_PREFIX, MetricsTable
from lightning_imb.utils.errors import InputError

LAST, CHOICE = "last/", "choice/"  # before a score of the last epoch; before what choosing another one added
_KEPT = ("test/", "represent/test/", "before_posthoc/test/")
_PLACES = (".root", ".csv", ".masks", ".boxes")  # settings that say where files are on a machine
_ELSEWHERE = ("hydra.", "represent_from=", "run_dir=", "paths.", "--config-")


def keep(records: Sequence[RunRecord], rows: Sequence[str], folder: Path) -> list[Path]:
    """Write one file per row; seeds that a file of the same settings has already stay in it, equal ones are renewed.

    Args:
        records: Finished runs.
        rows: Keys that make a row.
        folder: Where the files are.

    Returns:
        The files.

    Raises:
        InputError: If runs of one row differ in more than the seed, or a file holds the row with other settings.
    """
    check_keys(records, rows)
    cells = []
    for labels, members in grouped(records, rows).items():
        check_repeats(members, f"row {', '.join(labels)}", rows)
        cells.append(_joined(_cell(dict(zip(rows, labels, strict=True)), members), folder))
    return [cell.write(folder) for cell in cells]  # none is written where one is refused


def _cell(row: dict[str, str], members: Sequence[RunRecord]) -> Cell:
    first = members[0]
    return Cell(
        row=row,
        settings_hash=_settings_hash(first),
        protocol=first.protocol,
        selected_on=str(first.metrics.get("selected_on", "nothing")),
        dataset=str(first.metrics["dataset"]),
        class_names=tuple(first.metrics["class_names"]),
        train_counts=tuple(first.train_counts),
        runs=tuple(_run(record) for record in sorted(members, key=lambda record: record.seed)),
    )


def _joined(cell: Cell, folder: Path) -> Cell:
    """The new runs, and those of other seeds that are kept already."""
    path = folder / cell.file_name
    if not path.is_file():
        return cell
    held = read_cell(path)
    if (held.settings_hash, held.protocol) != (cell.settings_hash, cell.protocol):
        raise InputError(
            f"{path} holds this row with other settings (hash {held.settings_hash}, now {cell.settings_hash}): "
            "name what differs in rows=, keep them in another folder, or delete the file"
        )
    runs = {run.seed: run for run in (*held.runs, *cell.runs)}
    return replace(cell, runs=tuple(runs[seed] for seed in sorted(runs)))


def _run(record: RunRecord) -> KeptRun:
    run, found = RunFolder(record.path), record.metrics
    launches = launches_of(run.path)
    hits, support = _hits(run, record)
    return KeptRun(
        seed=record.seed,
        config_hash=str(found["config_hash"]),
        fingerprint=str(run.read_data()["fingerprint"]),
        scores=_scores(run, record),
        hits=hits,
        support=support,
        versions=found["versions"],
        hardware=found["hardware"],
        precision=str(found["precision"]),
        wall_s=round(sum(one.get("wall_s", 0.0) for one in launches), 1),
        phase_1=_origin([str(one["phase_1"]) for one in launches if "phase_1" in one]),
        command=_portable(str(found["command"])),
    )


def _origin(told: Sequence[str]) -> str:
    """Where phase 1 first came from: a later launch of the run finds it begun."""
    return told[0] if told else "trained"


def _scores(run: RunFolder, record: RunRecord) -> dict[str, float]:
    names = [name for name in record.metrics if name.startswith(_KEPT) and "/prior_shift" not in name]
    scores = {name: round(score, 6) for name in names if (score := record.score(name)) is not None}
    return scores | _recalls(record) | _last_epoch(run, record) | _analysed(run)


def _recalls(record: RunRecord) -> dict[str, float]:
    """Recall of each class by its name, where they are few enough to be rows of a table."""
    names, recalls = record.metrics["class_names"], record.metrics.get("test/recall", ())
    return {
        f"test/recall/{name}": round(recall, 6)
        for name, recall in zip(names, recalls, strict=False)
        if len(names) <= MAX_CLASSES and recall is not None
    }


def _analysed(run: RunFolder) -> dict[str, float]:
    """Numbers that imb-analyze found of all classes together, such as ``analysis/gap/after/gap``."""
    files = sorted((run.path / ANALYSES).glob(f"*/{FINDINGS}"))
    found = {file.parent.name: json.loads(file.read_text(encoding="utf-8"))["numbers"] for file in files}
    return {
        f"{ANALYSES}/{name}/{key}": round(value, 6)
        for name, numbers in found.items()
        for key, value in numbers.items()
        if key.count("/") < 2 and value is not None and math.isfinite(value)
    }


def _last_epoch(run: RunFolder, record: RunRecord) -> dict[str, float]:
    """Scores of the last epoch of a run that reports its best one on the test set: what the choice adds.

    A post-hoc method changes scores after the last epoch, so its curves say nothing of them.
    """
    adjusted = any(name.startswith("before_posthoc/") for name in record.metrics)
    if record.metrics.get("selected_on") != "test" or adjusted:
        return {}
    table = MetricsTable.read(run.metrics_csv)
    later = table.rows(Phase.RETRAIN)
    prefix = f"{RETRAIN_PREFIX}test/" if later else "test/"
    looks = [row for row in later or table.rows(Phase.REPRESENT) if f"{prefix}bacc" in row]
    if not looks:
        return {}
    found: dict[str, float] = {}
    for name in ("bacc", "macro_f1"):
        last = looks[-1][f"{prefix}{name}"]
        chosen = record.score(f"test/{name}")
        found[f"{LAST}test/{name}"] = round(last, 6)
        if chosen is not None:
            found[f"{CHOICE}test/{name}"] = round(chosen - last, 6)
    return found


def _hits(run: RunFolder, record: RunRecord) -> tuple[tuple[str, ...], tuple[int, ...]]:
    if record.regression:
        return (), ()
    logits, targets = run.read_predictions("test")
    right, classes = logits.argmax(1) == targets, range(logits.shape[1])
    hits = tuple(np.packbits(right[targets == k]).tobytes().hex() for k in classes)
    return hits, tuple(int((targets == k).sum()) for k in classes)


def unpacked(run: KeptRun, k: int) -> np.ndarray:
    """(n_k,) bool: which test images of class k a run classified rightly."""
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(run.hits[k]), dtype=np.uint8), count=run.support[k])
    return bits.astype(bool)


def _settings_hash(record: RunRecord) -> str:
    told = {key: value for key, value in record.experiment.items() if not key.endswith(_PLACES)}
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _portable(command: str) -> str:
    """A command without the folders of the machine it ran on."""
    words = [word for word in command.split()[1:] if not word.lstrip("+~").startswith(_ELSEWHERE)]
    kept = [_short(word) for word in words if not os.path.isabs(word)]  # what --config-dir is followed by
    return " ".join(["imb-train", *kept])


def _short(word: str) -> str:
    key, sign, value = word.partition("=")
    return f"{key}{sign}{Path(value).name}" if os.path.isabs(value) else word
