"""What happens to a launch from inside: each function prepares the process that calls it, before it trains.

The product knows nothing of this; its modules, or the operating system's functions, are replaced in one process.
"""

import ctypes
import os
import re
import resource
import signal
import stat
from pathlib import Path

from torch.nn.functional import dropout as drop

_STEPS = ("fsync", "replace", "rename", "link", "unlink", "remove")
_RANDOM = re.compile(r"[0-9a-f]{12,}")  # part of a draft's name, or the key of a store


def die():
    """End as the kernel's out-of-memory killer ends it."""
    os.kill(os.getpid(), signal.SIGKILL)


def dropout(share):
    """Let the small network draw random numbers while it trains."""
    from lightning_imb.models.backbones import SmallCNN

    forward = SmallCNN.forward
    SmallCNN.forward = lambda self, images: drop(forward(self, images), share, self.training)


def without_figures():
    """Draw no figures, which would take half of the time."""
    from lightning_imb import workflow

    workflow.run_figures = lambda run, scores: {}


def small_calls(steps):
    """Let phase 3, too, have several calls of the training step per epoch: between two of them it can be stopped."""
    from lightning_imb.callbacks import phase_switch

    phase_switch._STEPS = steps


def before_batch(action):
    """Call ``action(phase, epoch, batch)`` before every training batch."""
    from lightning_imb.callbacks.batch_seed import BatchSeed

    look = BatchSeed.on_train_batch_start

    def hook(self, trainer, pl_module, batch, batch_idx):
        action(pl_module.phase.value, trainer.current_epoch, batch_idx)
        look(self, trainer, pl_module, batch, batch_idx)

    BatchSeed.on_train_batch_start = hook


def note_batches(path):
    """Append a line for every training batch."""
    file = Path(path).open("a", buffering=1)  # noqa: SIM115 the process may be killed, nobody closes it
    before_batch(lambda *place: print(*place, file=file))


def signal_at(number, *place):
    """Get a signal while the batch at (phase, epoch, batch) is computed."""
    before_batch(lambda *here: here == place and os.kill(os.getpid(), number))


def signal_all_at(number, *place):
    """The same for the whole process group: worker processes get the signal too."""
    before_batch(lambda *here: here == place and os.killpg(0, number))


def signal_at_fork(number):
    """Get a signal while the first worker process is forked, where Python ignores whatever a handler raises."""
    forks = []

    def before():
        forks.append(os.getpid())
        if len(forks) == 1:
            os.kill(os.getpid(), number)

    os.register_at_fork(before=before)


def signal_at_shutdown(number):
    """Get a signal while a fit that is over sends its worker processes home."""
    from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter as Iterator

    shut_down, calls = Iterator._shutdown_workers, []

    def shut(self):
        calls.append(os.getpid())
        if len(calls) == 1:
            os.kill(os.getpid(), number)
        shut_down(self)

    Iterator._shutdown_workers = shut


def die_while_balancing(classes):
    """Be killed in the resampler, after it made the synthetic rows of some classes."""
    from lightning_imb.resampling import eos

    draw, calls = eos.draw_pairs, []

    def drawn(*args):
        calls.append(args)
        if len(calls) > classes:
            die()
        return draw(*args)

    eos.draw_pairs = drawn


def note_file_steps(path):
    """Append a line for every step that files of the working folder take towards the disk."""
    file = Path(path).open("a", buffering=1)  # noqa: SIM115
    _before_file_steps(lambda step, number: print(step, file=file))


def die_at_file_step(step, occurrence):
    """Be killed before a step of :func:`note_file_steps`; before an fsync, with half of the bytes written."""
    seen = []

    def check(here, number):
        if here == step:
            seen.append(here)
        if here == step and len(seen) == occurrence:
            if number is not None and stat.S_ISREG(os.fstat(number).st_mode):
                os.truncate(number, os.fstat(number).st_size // 2)
            die()

    _before_file_steps(check)


def _before_file_steps(action):
    here = os.getcwd()

    def wrap(name, function):
        def step(*args, **kwargs):
            is_file = isinstance(args[0], int)
            path = os.readlink(f"/proc/self/fd/{args[0]}") if is_file else os.path.abspath(os.fspath(args[-1]))
            if path.startswith(f"{here}/"):
                action(f"{name} {_RANDOM.sub('*', os.path.relpath(path, here))}", args[0] if is_file else None)
            return function(*args, **kwargs)

        return step

    for name in _STEPS:
        setattr(os, name, wrap(name, getattr(os, name)))


def limit_file_size(limit):
    """Have a quota: no file may grow beyond so many bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))  # Python ignores the signal; writing fails


def enter(process, folder):
    """Join the user and mount namespaces of a process, and work in a folder that only they show."""
    libc = ctypes.CDLL(None, use_errno=True)
    handles = [os.open(f"/proc/{process}/ns/{kind}", os.O_RDONLY) for kind in ("user", "mnt")]
    for handle in handles:
        if libc.setns(handle, 0):
            raise OSError(ctypes.get_errno(), "setns")
        os.close(handle)
    os.chdir(folder)
