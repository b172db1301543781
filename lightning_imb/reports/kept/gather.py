"""What is kept of one run, read from its folder."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lightning_imb.launches import current_launches, wall_seconds
from lightning_imb.phases import Phase
from lightning_imb.reports.cells import MAX_CLASSES, PHASE_1, TEST
from lightning_imb.reports.collect import RunRecord
from lightning_imb.reports.html.command import train_again
from lightning_imb.reports.kept.cell import KeptRun
from lightning_imb.runs import ANALYSES, FINDINGS, RunFolder
from lightning_imb.settings import digest
from lightning_imb.tracking.csv_table import RETRAIN_PREFIX, MetricsTable
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.portable import portable

LAST, CHOICE = "last/", "choice/"  # before a score of the last epoch; before what choosing another one added
_KEPT = (TEST, PHASE_1, f"before_posthoc/{TEST}")
_FACTS = ("config_hash", "versions", "hardware", "precision", "dataset")
_PLACES = (
    ".root",
    ".masks",
    ".boxes",
)  # settings that say where files are on a machine: the fingerprint knows the data
_ROUNDING = 2e-6  # of scores as they are kept


def kept_run(record: RunRecord) -> KeptRun:
    """Gather what is kept of a finished run.

    Raises:
        InputError: If the folder lacks something, or its predictions do not give its scores.
    """
    run, found = RunFolder(record.path), record.metrics
    missing = [name for name in _FACTS if name not in found]
    if missing:
        raise InputError(
            f"{run.metrics_file} lacks {', '.join(missing)}, without which it cannot be kept: train it again"
        )
    launches = current_launches(run.path)
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
        wall_s=round(wall_seconds(launches), 1),
        phase_1=next((str(one["phase_1"]) for one in launches if "phase_1" in one), "unknown"),
        command=portable(train_again(record)),
        code=str(found.get("code", "unknown")),
    )


def settings_hash(record: RunRecord) -> str:
    """Hash of all settings that can change a result, but for the seed and the places of files."""
    return digest({key: value for key, value in record.experiment.items() if not key.endswith(_PLACES)})


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
    return {
        f"{ANALYSES}/{file.parent.name}/{key}": round(value, 6)
        for file in files
        for key, value in _numbers(file).items()
        if key.count("/") < 2 and value is not None and math.isfinite(value)
    }


def _numbers(file: Path) -> Mapping[str, Any]:
    try:
        numbers: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))["numbers"]
    except (ValueError, KeyError) as error:
        raise InputError(f"{file} is damaged ({error}): delete it and analyze the run again") from error
    return numbers


def _last_epoch(run: RunFolder, record: RunRecord) -> dict[str, float]:
    """Scores of the last epoch of a run that reports its best one on the test set, and what the choice added."""
    prefix, last = _last_row(run, record)
    found: dict[str, float] = {}
    for name in ("bacc", "macro_f1"):
        value, reported = last.get(f"{prefix}{name}"), record.score(f"test/{name}")
        if value is not None and reported is not None:
            found[f"{LAST}test/{name}"] = round(value, 6)
            found[f"{CHOICE}test/{name}"] = round(reported - value, 6)
    return found


def _last_row(run: RunFolder, record: RunRecord) -> tuple[str, Mapping[str, float]]:
    """Prefix and scores of the last epoch; none where it does not tell what a run without any choice gives.

    That is so where a post-hoc method changed the scores later, where phase 3 began with the best epoch of phase 1,
    and where the last epoch was not looked at.
    """
    settings = record.settings
    adjusted = any(name.startswith("before_posthoc/") for name in record.metrics)
    retrained = bool(settings.get("retrain.enabled"))
    chosen_start = retrained and settings.get("retrain.start_from") != "last"
    if record.metrics.get("selected_on") != "test" or adjusted or chosen_start:
        return "", {}
    phase, prefix = (Phase.RETRAIN, RETRAIN_PREFIX) if retrained else (Phase.REPRESENT, "")
    epochs = settings.get("retrain.epochs" if retrained else "epochs")
    rows = [
        row
        for row in MetricsTable.read(run.metrics_csv).rows(phase)
        if f"{prefix}test/bacc" in row and row.get("epoch") == _before(epochs)
    ]
    return f"{prefix}test/", rows[-1] if rows else {}


def _before(epochs: Any) -> float | None:
    """The number of the last epoch, counted from 0."""
    return None if epochs is None else float(epochs) - 1


def _hits(run: RunFolder, record: RunRecord) -> tuple[tuple[str, ...], tuple[int, ...]]:
    if record.regression:
        return (), ()
    logits, targets = run.read_predictions("test")
    right, classes = logits.argmax(1) == targets, range(logits.shape[1])
    rates = [float(right[targets == k].mean()) for k in classes if (targets == k).any()]
    score = record.score("test/bacc")
    if score is None or abs(sum(rates) / len(rates) - score) > _ROUNDING:
        raise InputError(f"{run.path}: the predictions do not give test/bacc={score}: train the run again")
    hits = tuple(np.packbits(right[targets == k]).tobytes().hex() for k in classes)
    return hits, tuple(int((targets == k).sum()) for k in classes)
