"""Cells that share phase 1 through a store, and whether two runs are the same."""

import multiprocessing
import time

import torch

from helpers.runs import config, weights
from lightning_imb.launches import launch, launches_of
from lightning_imb.phases import Phase
from lightning_imb.runs import RunFolder
from lightning_imb.workflow import train

SHORT = ("epochs=2", "retrain.epochs=2", "threads=1", "logger=csv", "batch_size=64")


def cell(folder, shelf, *overrides):
    """Train one cell of a sweep whose store is ``shelf``; returns the run and where its phase 1 is from."""
    with launch(folder):
        train(config(folder, *SHORT, "store=true", f"paths.store={shelf}", *overrides))
    return RunFolder(folder), launches_of(folder)[-1].get("phase_1")


def entries(shelf):
    return [path for path in shelf.iterdir() if (path / "phase1.json").is_file()]


def same_bits(a, b):
    for phase in Phase:
        first, second = weights(a, phase), weights(b, phase)
        assert all(torch.equal(first[key], second[key]) for key in first)
    for name in ("test", "represent_test", "val"):
        assert (a.read_predictions(name).logits == b.read_predictions(name).logits).all()
    assert a.metrics_file.read_bytes() == b.metrics_file.read_bytes()
    assert a.metrics_csv.read_bytes() == b.metrics_csv.read_bytes()


def begin_function(function, *arguments):
    """A function in a process of its own."""
    process = multiprocessing.get_context("fork").Process(target=function, args=arguments)
    process.start()
    return process


def wait_for(happened, seconds=120.0):
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
