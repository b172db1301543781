"""A run of three phases with as much state as there is, and what makes two runs the same."""

import numpy as np
import torch

from helpers.runs import weights
from helpers.studies import shelved
from lightning_imb.phases import Phase

# margins, late weights, warm-up, a schedule; one thread, not as many as are free: processes share the run
THREE = ["epochs=3", "retrain.epochs=3", "loss=ldam", "reweight=drw", "reweight.start=2", "threads=1"]
VOLATILE = ("wall_s", "command")


def uninterrupted(folder):
    """A run of these three phases that nobody disturbed, without figures; trained once for all tests."""
    return shelved(folder, *THREE)


def results(run):
    return {k: v for k, v in run.read_metrics().items() if k not in VOLATILE}


def assert_same_run(a, b):
    """Scores, predictions and weights are equal to the last bit."""
    assert results(a) == results(b)
    for name in ("test", "represent_test"):
        if a.predictions_file(name).is_file():
            assert np.array_equal(a.read_predictions(name).logits, b.read_predictions(name).logits)
    for path in a.checkpoints.rglob("*.ckpt"):
        phase, kind = Phase(path.parent.name), path.stem
        first, second = weights(a, phase, kind), weights(b, phase, kind)
        assert first.keys() == second.keys()
        assert all(torch.equal(first[k], second[k]) for k in first), path
