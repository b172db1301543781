"""What a fit shows while it lasts: a bar on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from torch import Tensor

from lightning_imb.phases import Phase

MIN_SECONDS = 0.3  # between two redraws of the bar
SPLITS = ("val", "test", "train")  # whose score is shown, the first one that is logged
SHOWN = {"bacc": ".3f", "mse": ".4g"}  # of classes, of numbers


class PhaseProgress(Callback):
    """Shows phase, epoch, loss, balanced accuracy or squared error, and the time left for the whole phase.

    On a terminal this is one bar over all training batches of the fit; elsewhere (a file, a notebook, a
    cluster log) it is one plain line every few epochs. A resumed fit starts where it was. Only rank zero
    shows anything.

    Args:
        phase: What the fit does.
        log_lines: About how many lines a fit prints where there is no terminal.
        every_n_epochs: Epochs between two such lines; None follows ``log_lines``.
        every_n_steps: Batches between two looks at the clock and, at most a few times per second, at the
            loss: reading it makes the processor wait for the accelerator.
        console: Where to write; None is rich's own console on standard output.
    """

    def __init__(
        self,
        phase: Phase,
        log_lines: int = 10,
        every_n_epochs: int | None = None,
        every_n_steps: int = 10,
        console: Console | None = None,
    ) -> None:
        self.phase = phase
        self.log_lines = log_lines
        self.every_n_epochs = every_n_epochs
        self.every_n_steps = every_n_steps
        self.console = console or Console()
        self._progress: Progress | None = None
        self._task = TaskID(0)
        self._loss: Tensor | None = None
        self._begin = 0
        self._started = self._drawn = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock, and the bar where there is a terminal."""
        if not trainer.is_global_zero:
            return
        self._begin = batches_done(trainer)
        self._started = time.monotonic()
        if self.console.is_terminal:
            self._progress = _bar(self.console)
            self._task = self._progress.add_task(
                self.phase.value, total=batches_in_total(trainer), completed=self._begin, status=""
            )
            self._progress.start()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Keep the loss where it is; redraw the bar when it is time."""
        self._loss = outputs["loss"] if isinstance(outputs, Mapping) else outputs
        looked = self.phase is Phase.RETRAIN or (batch_idx + 1) % self.every_n_steps == 0  # its calls are long
        due = looked and time.monotonic() - self._drawn >= MIN_SECONDS
        if self._progress is not None and due:
            self._redraw(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Redraw the bar, or print a line when it is time; the loss is now the mean of the epoch."""
        self._loss = trainer.callback_metrics.get(f"{prefix_of(self.phase)}train/loss", self._loss)
        if self._progress is not None:
            self._redraw(trainer)
        elif trainer.is_global_zero and self._line_is_due(trainer):
            left = self._time_left(trainer)
            text = f"{self.phase.value:<9}  {self._status(trainer)}  left {left}"
            self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the finished bar on the screen."""
        self._stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Give the terminal back before the traceback is printed."""
        self._stop()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Give the terminal back, whatever happened."""
        self._stop()

    def _stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
        self._loss = None

    def _redraw(self, trainer: Trainer) -> None:
        assert self._progress is not None
        status = f"{self._status(trainer)}  left {self._time_left(trainer)}"
        self._progress.update(self._task, completed=batches_done(trainer), status=status)
        self._progress.refresh()
        self._drawn = time.monotonic()

    def _line_is_due(self, trainer: Trainer) -> bool:
        epochs = trainer.max_epochs or -1
        every = self.every_n_epochs or max(1, round(epochs / self.log_lines))
        done = trainer.current_epoch + 1
        return done % every == 0 or done == epochs or trainer.should_stop

    def _status(self, trainer: Trainer) -> str:
        epochs = trainer.max_epochs if trainer.max_epochs and trainer.max_epochs > 0 else "?"
        text = f"epoch {trainer.current_epoch + 1:>{len(str(epochs))}}/{epochs}"
        if self._loss is not None:
            text += f"  loss {self._loss.item():.4f}"
        return text + score_text(trainer.callback_metrics, self.phase)

    def _time_left(self, trainer: Trainer) -> str:
        elapsed = time.monotonic() - self._started
        return time_left(elapsed, batches_done(trainer) - self._begin, batches_in_total(trainer), self._begin)


def batches_done(trainer: Trainer) -> int:
    """Training batches of this fit that are over, those before a resume included.

    Lightning counts a batch as completed only after the callbacks saw its end; ``ready`` counts it before,
    and is what a checkpoint restores.
    """
    return trainer.fit_loop.epoch_loop.batch_progress.total.ready


def batches_in_total(trainer: Trainer) -> int | None:
    """Training batches of the whole fit; None when the fit has no end that is known beforehand."""
    limits = []
    if trainer.max_epochs is not None and trainer.max_epochs >= 0:
        limits.append(trainer.max_epochs * trainer.num_training_batches)
    if trainer.max_steps >= 0:
        limits.append(trainer.max_steps * trainer.accumulate_grad_batches)
    total = min(limits, default=float("inf"))
    return None if total == float("inf") else int(total)


def prefix_of(phase: Phase) -> str:
    """What the names of the phase's metrics start with."""
    return f"{phase.value}/" if phase is Phase.RETRAIN else ""


def score_text(metrics: Mapping[str, Tensor], phase: Phase) -> str:
    """Text of the phase's balanced accuracy or squared error, two spaces before it; empty when none is logged yet."""
    for split in SPLITS:
        for name, form in SHOWN.items():
            value = metrics.get(f"{prefix_of(phase)}{split}/{name}")
            if value is not None:
                return f"  {name} {float(value):{form}} ({split})"
    return ""


def time_left(elapsed: float, done: int, total: int | None, begin: int) -> str:
    """Time until the end at the pace so far, validation included.

    Args:
        elapsed: Seconds since the start.
        done: Batches since the start.
        total: Batches of the whole fit; None when unknown.
        begin: Batches that were over at the start.

    Returns:
        ``h:mm:ss``, or ``?`` when there is nothing to judge by.
    """
    if total is None or done <= 0:
        return "?"
    return str(timedelta(seconds=round(elapsed / done * max(0, total - begin - done))))


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[status]}", markup=False),
        console=console,
        auto_refresh=False,  # redrawn from the callback alone: no thread, a known number of times
        expand=True,
    )
