"""The progress display, driven by real fits."""

import io
import re

import pytest
import pytorch_lightning as pl
import torch
from rich.console import Console
from torch.utils.data import DataLoader, TensorDataset

from lightning_imb.callbacks import progress
from lightning_imb.callbacks.progress import PhaseProgress, time_left
from lightning_imb.phases import Phase

BATCHES = 5


class Module(pl.LightningModule):
    """A fit whose every number is known: the loss of a batch is its index, bacc is the epoch over ten."""

    def __init__(self, prefix="", fail_at=None):
        super().__init__()
        self.layer, self.prefix, self.fail_at = torch.nn.Linear(1, 1), prefix, fail_at

    def training_step(self, batch, batch_idx):
        if self.fail_at == batch_idx:
            raise RuntimeError("broken on purpose")
        loss = self.layer(batch[0]).sum() * 0 + batch_idx
        self.log(f"{self.prefix}train/loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch, batch_idx):
        self.log(f"{self.prefix}val/bacc", self.current_epoch / 10)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fit(callback, module=None, epochs=4, ckpt_path=None, batches=BATCHES):
    loader = DataLoader(TensorDataset(torch.zeros(batches, 1)))
    trainer = pl.Trainer(
        max_epochs=epochs,
        callbacks=[callback],
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module or Module(), loader, loader, ckpt_path=ckpt_path)
    return trainer


def console(terminal):
    return Console(file=io.StringIO(), force_terminal=terminal, width=160, color_system=None, legacy_windows=False)


def lines(target):
    return [line for line in target.file.getvalue().splitlines() if line.strip()]


def test_plain_lines_name_phase_epoch_loss_score_and_time():
    out = console(terminal=False)
    fit(PhaseProgress(Phase.REPRESENT, every_n_epochs=2, console=out))
    assert [re.sub(r"left \d+:\d\d:\d\d", "left T", line) for line in lines(out)] == [
        "represent  epoch 2/4  loss 2.0000  bacc 0.100 (val)  left T",
        "represent  epoch 4/4  loss 2.0000  bacc 0.300 (val)  left T",
    ]
    assert lines(out)[-1].endswith("left 0:00:00")


def test_retrain_shows_its_own_metrics_only():
    out = console(terminal=False)
    fit(PhaseProgress(Phase.RETRAIN, every_n_epochs=4, console=out), Module(prefix="retrain/"))
    assert "retrain    epoch 4/4  loss 2.0000  bacc 0.300 (val)" in lines(out)[0]
    out = console(terminal=False)
    fit(PhaseProgress(Phase.RETRAIN, every_n_epochs=4, console=out), Module())  # metrics of the other phase
    assert "bacc" not in lines(out)[0]


@pytest.mark.parametrize(("epochs", "expected"), [(3, 3), (10, 10), (30, 10), (25, 13)])
def test_about_ten_lines_per_fit(epochs, expected):
    out = console(terminal=False)
    fit(PhaseProgress(Phase.REPRESENT, log_lines=10, console=out), epochs=epochs, batches=1)
    assert len(lines(out)) == expected
    assert f"epoch {epochs}/{epochs}" in lines(out)[-1]


def test_bar_covers_the_whole_fit_and_ends_full(monkeypatch):
    monkeypatch.setattr(progress, "MIN_SECONDS", 0.0)
    out = console(terminal=True)
    fit(PhaseProgress(Phase.REPRESENT, every_n_steps=1, console=out))
    text = out.file.getvalue()
    seen = [int(n) for n in re.findall(r"(\d+)/20 ", text)]
    assert seen == sorted(seen)
    assert set(seen) == set(range(21))
    assert "epoch 4/4  loss 2.0000  bacc 0.300 (val)  left 0:00:00" in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1  # the cursor is hidden and given back


def test_bar_reads_the_loss_only_at_ticks(monkeypatch):
    monkeypatch.setattr(progress, "MIN_SECONDS", 0.0)
    reads = []
    item = torch.Tensor.item
    monkeypatch.setattr(torch.Tensor, "item", lambda self: reads.append(1) or item(self))

    def count(callback):
        reads.clear()
        fit(callback, epochs=1, batches=40)
        return len(reads)

    def silent():  # what Lightning itself reads during such a fit
        callback = PhaseProgress(Phase.REPRESENT, every_n_epochs=1000, console=console(terminal=False))
        callback._line_is_due = lambda trainer: False
        return callback

    base = count(silent())
    every_ten = count(PhaseProgress(Phase.REPRESENT, every_n_steps=10, console=console(terminal=True)))
    assert every_ten - base == 4 + 1  # 40 batches / 10, and the end of the epoch


def test_redraws_are_limited_in_time(monkeypatch):
    monkeypatch.setattr(progress, "MIN_SECONDS", 3600.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: 10_000.0)
    redraws = []
    callback = PhaseProgress(Phase.REPRESENT, every_n_steps=1, console=console(terminal=True))
    original = callback._redraw

    def counted(trainer):
        redraws.append(trainer.current_epoch)
        original(trainer)

    callback._redraw = counted
    fit(callback, epochs=2)
    assert redraws == [0, 0, 1]  # the first batch, then the ends of both epochs


def test_resumed_fit_starts_where_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "MIN_SECONDS", 0.0)
    first = fit(PhaseProgress(Phase.REPRESENT, console=console(terminal=False)), epochs=2)
    first.save_checkpoint(tmp_path / "last.ckpt")
    out = console(terminal=True)
    fit(PhaseProgress(Phase.REPRESENT, every_n_steps=1, console=out), ckpt_path=tmp_path / "last.ckpt")
    seen = [int(n) for n in re.findall(r"(\d+)/20 ", out.file.getvalue())]
    assert set(seen) == set(range(10, 21))
    assert "epoch 3/4" in out.file.getvalue()
    assert "epoch 1/4" not in out.file.getvalue()


def test_terminal_is_given_back_after_an_exception():
    out = console(terminal=True)
    callback = PhaseProgress(Phase.REPRESENT, console=out)
    with pytest.raises(RuntimeError, match="broken on purpose"):
        fit(callback, Module(fail_at=2))
    assert out.file.getvalue().rstrip("\n").endswith("\x1b[?25h")
    assert callback._progress is None


def test_other_ranks_stay_silent(monkeypatch):
    monkeypatch.setattr(pl.Trainer, "is_global_zero", property(lambda self: False))
    for terminal in (True, False):
        out = console(terminal)
        fit(PhaseProgress(Phase.REPRESENT, every_n_epochs=1, console=out))
        assert out.file.getvalue() == ""


@pytest.mark.parametrize(
    ("elapsed", "done", "total", "begin", "expected"),
    [
        (10.0, 20, 100, 0, "0:00:40"),  # half a second each, 80 to go
        (10.0, 20, 100, 60, "0:00:10"),  # 60 were done before the resume: 20 to go
        (7200.0, 1, 3, 0, "4:00:00"),
        (10.0, 0, 100, 0, "?"),
        (10.0, 20, None, 0, "?"),
    ],
)
def test_time_left(elapsed, done, total, begin, expected):
    assert time_left(elapsed, done, total, begin) == expected
