"""Findings in the folder of a run or of a sweep: written once, found again by what made them."""

import json
import shutil
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

from lightning_imb.data.digest import digest
from lightning_imb.runs import FINDINGS
from lightning_imb.studies.findings import Findings
from lightning_imb.studies.study import Study
from lightning_imb.studies.subject import Subject
from lightning_imb.utils.atomic import atomic_file, remove_drafts, write_json_atomic, write_text_atomic
from lightning_imb.utils.code import code_digest

_SUFFIXES = ("png", "svg")
_PARTS = ("analysis", "data", "metrics", "models", "posthoc", "reports/analysis", "resampling", "studies")
_CODE = ("build.py", "restore.py", "reports/*.py", *(f"{part}/**/*.py" for part in _PARTS))
_NOT_DEFINED = float("nan")


def key_of_run(study: Study, subject: Subject) -> str:
    """Hash of all that findings depend on: settings, finished runs, marked regions, and the code.

    Raises:
        InputError: If one of the runs, or the regions, cannot be read.
    """
    runs = [json.dumps(run.read_metrics(), sort_keys=True) for run in (subject.run, *study.reads_also())]
    regions = [subject.regions_fingerprint()] if study.reads_regions else []
    return digest([_said(study), runs, regions])[:20]


def key_of_sweep(study: Study, keys: Sequence[tuple[str, str]]) -> str:
    """The same of a comparison: the study, and label and key of every run."""
    return digest([_said(study), *keys])[:20]


def read_kept(folder: Path, key: str) -> Findings | None:
    """Findings written before under the same key, without figures; None where there are none."""
    try:
        result = json.loads((folder / FINDINGS).read_text(encoding="utf-8"))
        if result["key"] != key:
            return None
        tables = {name: pd.read_csv(folder / f"{name}.csv") for name in result["tables"]}
        files = [folder / f"{name}.{suffix}" for name in result["captions"] for suffix in _SUFFIXES]
        if not all(file.is_file() for file in files):
            return None
        numbers = {name: _NOT_DEFINED if value is None else value for name, value in result["numbers"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # missing, half a file of another program, or an earlier format: it is made anew
    return Findings(numbers, tables, {}, result["captions"], tuple(result["remarks"]))


def remove_kept(folder: Path) -> None:
    """Remove findings, the mark of their completeness first."""
    (folder / FINDINGS).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def write_kept(folder: Path, study: Study, key: str, found: Findings, runs: Sequence[str] = ()) -> Findings:
    """Write tables, figures, and last of all ``result.json``, which marks them as complete.

    What an earlier version of the same findings left in the folder is removed first.

    Args:
        folder: Their folder; nothing else is kept in it.
        study: What made them.
        key: See `key_of_run`.
        found: The findings.
        runs: Of a comparison, the folders of the runs, relative to that of the sweep.

    Returns:
        What `read_kept` will return: figures are large, and let go of.
    """
    remove_kept(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in found.tables.items():
        write_text_atomic(folder / f"{name}.csv", table.to_csv(index=False))
    for name, figure in found.figures.items():
        _write_figure(folder / name, figure)
    result: dict[str, Any] = {
        "name": study.name,
        "title": study.title,
        "key": key,
        "settings": asdict(study),  # type: ignore[call-overload]
        "runs": list(runs),
        "numbers": found.numbers,
        "tables": list(found.tables),
        "captions": {name: found.captions.get(name, "") for name in found.figures},
        "remarks": list(found.remarks),
    }
    write_json_atomic(folder / FINDINGS, result)
    remove_drafts(folder)
    kept = read_kept(folder, key)
    assert kept is not None, "what was just written is there"
    return kept


def _write_figure(path: Path, figure: Figure) -> None:
    with (
        rc_context({"text.parse_math": False, "svg.fonttype": "none"}),  # names of classes are no formulas
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # one line per character, drawn as a box
        for suffix in _SUFFIXES:
            with atomic_file(path.parent / f"{path.name}.{suffix}") as file:
                figure.savefig(file, format=suffix)


def _said(study: Study) -> list[str]:
    settings = json.dumps(asdict(study), sort_keys=True, default=str)  # type: ignore[call-overload]
    return [study.name, settings, code_digest(_CODE)]
