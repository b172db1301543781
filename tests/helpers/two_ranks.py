"""``python -m helpers.two_ranks <what> <folder>``: what each of two processes on this machine (DDP over gloo) saw.

Lightning starts the second process with the same command line.
"""

import sys
import time
from pathlib import Path

import torch
from pytorch_lightning import Callback

from helpers import tiny
from lightning_imb.callbacks import end_together
from lightning_imb.callbacks.end_together import EndTogether
from lightning_imb.callbacks.nan_guard import NanGuard
from lightning_imb.callbacks.phase_switch import PhaseSwitch, extract
from lightning_imb.data.sampling import Sampling
from lightning_imb.fit import predict
from lightning_imb.resampling import EOS
from lightning_imb.utils.errors import InputError

# 6 batches of the test set, 12 of the training set; an epoch of 75 draws, of which one process has one more
DRAW = Sampling("class_balanced", power=0.5, beta=0.9, start=1, epochs=2, replacement=True, epoch_length=75)
SETTINGS = {"eval_batch_size": 5, "draw": DRAW}
FOREVER = 600.0  # seconds


def switch():
    scheduler = tiny.classifier().scheduler_factory
    settings = tiny.retraining(optimizer=torch.optim.Adam, scheduler=scheduler)
    return PhaseSwitch(EOS(k=5, random_state=0), settings, batch_size=16)


def trainer(folder, *callbacks, epochs=None, **changes):
    return tiny.trainer(folder, epochs, callbacks, use_distributed_sampler=False, **changes)


class Watch(Callback):
    """Notes what a fit trains on."""

    def __init__(self):
        self.rows, self.lent = [], None

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.current_epoch == 1:
            self.rows.append(batch.target)
        self.lent = trainer.datamodule._lent


class Broken(Callback):
    """One process fails, and the other is busy with something else and would never know."""

    def __init__(self, rank):
        self.rank = rank

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.global_rank == self.rank:
            raise RuntimeError(f"rank {self.rank} fails")
        time.sleep(FOREVER)


class NotANumber(Callback):
    """The loss of one process is none in batch 1 of epoch 0."""

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.global_rank == 1 and batch_idx == 1:
            outputs["loss"].fill_(torch.nan)


def share(folder):
    """All phases; each process saves what it saw."""
    data, model = tiny.data_module(**SETTINGS), tiny.classifier()
    first, second = Watch(), Watch()
    two = {"devices": 2, "strategy": "ddp"}
    fit = trainer(folder, first, epochs=2, **two)
    fit.fit(model, datamodule=data)
    validated = dict(fit.callback_metrics)
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    z, y = extract(model, data, "train")
    retrain = trainer(folder, switch(), second, epochs=2, **two)
    retrain.fit(model, datamodule=data)
    validated |= retrain.callback_metrics
    predictions = predict(retrain, model, data, "test", "test")
    seen = {
        "rank": fit.global_rank,
        "drawn": torch.cat(first.rows),
        "validated": validated,
        "weights": weights,
        "embedded": (z, y),
        "balanced": tuple(second.lent.train),
        "monitored": second.lent.monitored,
        "retrained": model.state_dict(),
        "predictions": tuple(map(torch.from_numpy, predictions)),
    }
    torch.save(seen, folder / f"seen_{fit.global_rank}.pt")
    stop_together(folder, fit.global_rank, two)


def stop_together(folder, rank, two):
    """A loss of one process is no number: both end."""
    try:
        guarded = trainer(folder, NotANumber(), NanGuard(every=1), epochs=1, **two)
        guarded.fit(tiny.classifier(), datamodule=tiny.data_module())
    except (InputError, SystemExit) as end:
        (folder / f"ended_{rank}").write_text(f"{type(end).__name__} {end}")


def fail(folder, rank):
    """One process fails."""
    end_together._GRACE_S = 2.0
    broken = trainer(folder, EndTogether(), Broken(rank), epochs=1, devices=2, strategy="ddp")
    broken.fit(tiny.classifier(), datamodule=tiny.data_module())


if __name__ == "__main__":
    what, out = sys.argv[1], Path(sys.argv[2])
    if what == "share":
        share(out)
    else:
        fail(out, int(what))
