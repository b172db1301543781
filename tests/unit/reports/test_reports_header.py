"""The panel that opens a run."""

import io

import pytest
from rich.console import Console

from lightning_imb.reports.header import counts_text, header_lines, imbalance_ratio, run_header

INFO = {
    "dataset": "digits",
    "class_names": ["zero", "one", "two"],
    "class_counts": {"train": [100, 30, 4], "val": [10, 3, 1], "test": [20, 20, 20]},
    "method": "eos",
    "model": "small_cnn",
    "parameters": {"total": 1234567, "trainable": 1000},
    "head": "linear",
    "loss": "cross entropy",
    "reweight": "drw",
    "epochs": "40, then 10 of the head",
    "protocol": "holdout, best epoch on validation",
    "accelerator": "cpu",
    "images": "decoded in memory",
    "precision": "32-true",
    "run_folder": "logs/runs/[eos]",
}


def test_every_fact_has_its_line():
    lines = dict(header_lines(INFO))
    assert lines == {
        "dataset": "digits",
        "train": "134 images in 3 classes: zero 100, one 30, two 4",
        "val": "14 images in 3 classes: 10, 3, 1",
        "test": "60 images in 3 classes, 20 each",
        "ratio": "25",
        "method": "eos",
        "model": "small_cnn",
        "parameters": "1,234,567 (1,000 trainable)",
        "head": "linear",
        "loss": "cross entropy",
        "reweight": "drw",
        "epochs": "40, then 10 of the head",
        "protocol": "holdout, best epoch on validation",
        "accelerator": "cpu",
        "images": "decoded in memory",
        "precision": "32-true",
        "run folder": "logs/runs/[eos]",
    }


def test_the_panel_shows_the_lines_as_they_are():
    console = Console(file=io.StringIO(), width=120, color_system=None)
    console.print(run_header(INFO))
    text = console.file.getvalue()
    for name, value in header_lines(INFO):
        assert f"{name} " in text
        assert value in text  # [eos] among them: no markup


def test_what_is_unknown_is_left_out():
    assert header_lines({"method": "erm"}) == [("method", "erm")]


def test_many_classes_are_summed_up():
    counts = list(range(1, 101))
    text = counts_text(counts, [f"c{k}" for k in counts])
    assert text == "5,050 images in 100 classes: 100 in the largest, 51 in the median, 1 in the smallest"


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ([500, 5], "100"),
        ([100, 30], "3.333"),
        ([7], "1"),
        ([10, 5, 0], "2 (1 empty class)"),
        ([10, 0, 0], "1 (2 empty classes)"),
        ([0, 0], "n/a"),
    ],
)
def test_ratio(counts, text):
    assert imbalance_ratio(counts) == text
