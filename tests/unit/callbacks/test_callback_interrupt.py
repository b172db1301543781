"""A fit that is told to end goes on later as if nothing had been."""

import os
import signal

import pytest
import torch
from helpers import tiny
from pytorch_lightning import Callback, Trainer

from lightning_imb.callbacks.batch_seed import BatchSeed
from lightning_imb.callbacks.checkpoint_io import AtomicCheckpointIO
from lightning_imb.callbacks.checkpoints import BestCheckpoint, LastCheckpoint
from lightning_imb.callbacks.interrupt import Interrupt
from lightning_imb.callbacks.nan_guard import NanGuard
from lightning_imb.utils.signals import Interrupted

EPOCHS, BATCHES = 3, 4  # 56 images in batches of 16


class SignalAt(Callback):
    """Sends this process a signal at one place of a fit; notes the training scores of every epoch."""

    def __init__(self, hook, epoch, batch=None, signum=signal.SIGTERM):
        self.hook, self.epoch, self.batch, self.signum = hook, epoch, batch, signum
        self.scores = []

    def _maybe(self, hook, trainer, batch=None):
        if (hook, trainer.current_epoch, batch) == (self.hook, self.epoch, self.batch):
            os.kill(os.getpid(), self.signum)

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self._maybe("train_batch", trainer, batch_idx)

    def on_validation_batch_start(self, trainer, pl_module, batch, batch_idx, dataloader_idx=0):
        self._maybe("validation", trainer, None)

    def on_train_end(self, trainer, pl_module):
        self._maybe("end", trainer)

    def on_validation_end(self, trainer, pl_module):
        self._maybe("validated", trainer)


def fit(folder, *callbacks):
    """Fit, or go on from ``last.ckpt``; returns the module and the training metrics of each epoch."""
    recorded = {}

    def record(metrics, step):
        recorded[int(metrics["epoch"])] = (dict(metrics), step)

    torch.manual_seed(0)
    last = folder / "last.ckpt"
    model = tiny.classifier()
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=EPOCHS,
        logger=False,
        plugins=[AtomicCheckpointIO()],
        callbacks=[
            *callbacks,
            BatchSeed(),
            NanGuard(1),
            Interrupt(last),
            BestCheckpoint(folder, "val/bacc", "max"),
            LastCheckpoint(folder, record),
        ],
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        default_root_dir=folder,
    )
    resume = last if last.is_file() else None
    try:
        trainer.fit(model, datamodule=tiny.data_module(), ckpt_path=resume, weights_only=True)
    except Interrupted as end:
        return model, recorded, end
    return model, recorded, None


def state(folder):
    """Weights, optimizer and schedule of both checkpoints."""
    found = {}
    for kind in ("best", "last"):
        checkpoint = torch.load(folder / f"{kind}.ckpt", weights_only=True)
        found[kind] = [
            checkpoint[key] for key in ("state_dict", "optimizer_states", "lr_schedulers", "epoch", "global_step")
        ]
    return found


def same(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    _, recorded, end = fit(folder)
    assert end is None
    return state(folder), recorded


PLACES = [("train_batch", epoch, batch) for epoch in range(EPOCHS) for batch in range(BATCHES)]
PLACES += [("validation", 0, None), ("validated", 1, None), ("validation", EPOCHS - 1, None)]


@pytest.mark.parametrize("place", PLACES)
def test_going_on_is_bit_identical_from_every_batch(tmp_path, whole, place):
    _, before, end = fit(tmp_path, SignalAt(*place))
    assert end.code == 143
    _, after, end = fit(tmp_path)
    assert end is None
    assert same(state(tmp_path), whole[0])
    assert before | after == whole[1]  # losses and scores of every epoch, with their steps


def test_stopped_at_every_single_batch(tmp_path, whole):
    recorded = {}
    for epoch in range(EPOCHS):
        for batch in range(BATCHES):
            _, now, end = fit(tmp_path, SignalAt("train_batch", epoch, batch))
            recorded |= now
            assert end is not None
    _, now, end = fit(tmp_path)
    assert end is None
    assert same(state(tmp_path), whole[0])
    assert recorded | now == whole[1]


def test_stops_after_the_batch_at_hand_and_says_where_to_go_on(tmp_path, caplog):
    _, _, end = fit(tmp_path, SignalAt("train_batch", 1, 2, signal.SIGINT))
    assert end.code == 130
    assert f"SIGINT: stopped in epoch 1; the same command goes on from {tmp_path / 'last.ckpt'}" in caplog.text
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == BATCHES + 3


def test_handlers_are_given_back(tmp_path):
    before = [signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGINT)]
    fit(tmp_path)
    fit(tmp_path / "other", SignalAt("train_batch", 0, 0))
    assert [signal.getsignal(signum) for signum in (signal.SIGTERM, signal.SIGINT)] == before
