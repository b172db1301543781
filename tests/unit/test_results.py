"""Kept results are whole, name no machine, and stand in the documents as they are."""

import re
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_module

from lightning_imb.reports.collect import RunRecord
from lightning_imb.reports.kept import read_cells, read_study
from lightning_imb.reports.kept.documents import JOIN, KIND, renewed
from lightning_imb.reports.kept.gather import settings_hash
from lightning_imb.settings import flat_settings

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"
STUDIES = sorted(path.parent for path in RESULTS.glob("*/study.yaml"))
CELLS = [(folder, cell) for folder in STUDIES for cell in read_cells(folder)]
DOCUMENTS = [
    path
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))
    if f"<!-- {KIND}: " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documents_show_the_results_as_they_are(document):
    text = document.read_text(encoding="utf-8")
    assert renewed(text, RESULTS) == text, "make results writes them anew"


def test_every_study_is_shown_somewhere():
    marks = "".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    shown = {name for mark in re.findall(rf"<!-- {KIND}: ([\w+]+)", marks) for name in mark.split(JOIN)}
    assert {folder.name for folder in STUDIES} <= shown
    assert STUDIES


def composed(overrides):
    with initialize_config_module("lightning_imb.conf", version_base="1.3"):
        return compose("train", overrides.split())


def base_of(study):
    """The command that a study puts the overrides of its rows to."""
    found = re.findall(r"`imb-train ([^`]*)`", study.about)
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("folder", STUDIES, ids=lambda folder: folder.name)
def test_the_command_of_a_study_composes(folder):
    assert composed(base_of(read_study(folder))).seed == 0


LINES = {
    f"{folder.name}: {line.command}": (read_study(folder), line)
    for folder in STUDIES
    for line in read_study(folder).lines
}


def measured_or_particular(lines):
    """Rows that were measured, and of the others those with settings of their own: methods compose anyway."""
    seen = set()
    for name, (study, line) in lines.items():
        plain = all(word.startswith(("method=", "loss=")) for word in line.command.split())
        if study.find(line.where) or not (plain or line.command in seen):
            seen.add(line.command)
            yield name


@pytest.mark.parametrize("name", measured_or_particular(LINES))
def test_the_overrides_of_a_row_compose_to_the_row(name, tmp_path):
    study, line = LINES[name]
    cfg = composed(f"{base_of(study)} {line.command} run_dir={tmp_path}")
    assert cfg.method == line.where.get("method", cfg.method)
    assert str(cfg.resampler.get("k")) == line.where.get("resampler.k", str(cfg.resampler.get("k")))
    assert cfg.loss._target_.endswith(line.where.get("loss", ""))
    cell = study.find(line.where)
    if cell:
        assert settings_hash(RunRecord(tmp_path, {}, flat_settings(cfg))) == cell.settings_hash


@pytest.mark.parametrize(("folder", "cell"), CELLS, ids=[f"{folder.name}-{cell.file_name}" for folder, cell in CELLS])
def test_a_kept_result_is_whole(folder, cell):
    text = (folder / cell.file_name).read_text(encoding="utf-8")
    assert not re.search(r"(?<![\w.])/(tmp|home|root|work|mnt|Users)\b", text)
    assert len(set(cell.seeds)) == len(cell.runs) > 0
    for run in cell.runs:
        rates = [run.right(k).mean() for k, samples in enumerate(run.support) if samples]
        assert not rates or np.mean(rates) == pytest.approx(run.scores["test/bacc"], abs=2e-6)
        assert {"python", "torch", "pytorch-lightning"} <= run.versions.keys()
        assert run.wall_s > 0
