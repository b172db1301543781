"""Finished runs to look into, and an analysis that only counts how often it is asked."""

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pytest

from helpers.runs import trained
from lightning_imb import workflow
from lightning_imb.reports.style import new_figure
from lightning_imb.runs import RunFolder
from lightning_imb.studies.findings import Findings
from lightning_imb.studies.study import Study
from lightning_imb.studies.subject import Subject
from lightning_imb.utils.lock import locked

QUICK = ("dataset=digits", "model=small_cnn", "model.extractor.width=4", "epochs=1", "accelerator.precision=32-true")


def finished(folder, *overrides):
    """A run of one epoch on digits, trained once for all tests and processes and copied to the folder."""
    return shelved(folder, *QUICK, "retrain.epochs=1", *overrides)


def shelved(folder, *overrides, figures=False):
    """A run of these settings, trained once for all tests and processes and copied to the folder.

    Drawing takes twice as long as training here: only a test that looks at the figures of a run asks for them.
    """
    name = hashlib.sha256(" ".join((*overrides, f"{figures=}")).encode()).hexdigest()[:16]
    shelf = Path(os.environ["IMB_TEST_RUNS"]) / name
    with locked(shelf.with_suffix(".lock"), lambda: None), pytest.MonkeyPatch.context() as patched:
        if not figures:
            patched.setattr(workflow, "run_figures", lambda run, scores: {})
        if not RunFolder(shelf).finished:
            trained(shelf, *overrides)
    shutil.copytree(shelf, folder, dirs_exist_ok=True)
    return RunFolder(folder)


def opened(folder, *overrides):
    """The same, opened to look inside."""
    return Subject(finished(folder, *overrides), quiet=True)


@dataclass(frozen=True)
class Counting(Study):
    """Says how many test images there are."""

    factor: int
    name: ClassVar[str] = "counting"
    title: ClassVar[str] = "Counting"
    asked: ClassVar[list[str]] = []

    def look(self, subject):
        self.asked.append(subject.label)
        figure = new_figure(3, 2)
        figure.subplots().set_title("$a class")
        table = pd.DataFrame({"split": ["test"], "images": [len(subject.labels("test"))]})
        numbers = {"counting/images": float(self.factor * len(subject.labels("test"))), "counting/none": float("nan")}
        return Findings(numbers, {"images": table}, {"nothing": figure}, {"nothing": "An empty figure."}, ("a remark",))

    def compare(self, subjects, found):
        self.asked.append("comparison")
        return Findings({"counting/runs": float(len(subjects))})
