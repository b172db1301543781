"""Runs that are killed until they finish, where each kill hit, and the comparison with a run that nobody disturbed."""

import csv
import re
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from helpers.forks import Kill
from lightning_imb.phases import Phase
from lightning_imb.runs import RunFolder

# paths are relative to the working folder of a launch: then all launches record the same command
HERE = ("hydra.run.dir=run", "paths.store=store", "logger=csv", "threads=1", "accelerator.precision=32-true")
JITTER = "{_target_:torchvision.transforms.v2.ColorJitter,brightness:0.4}"
KILLS = (signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
_DRAFT = re.compile(r"\.(.+)\.[0-9a-f]{32}")  # of utils.atomic
MOST_KILLS = 6  # of one run
MOST_LAUNCHES = MOST_KILLS + 2


class Scenario(NamedTuple):
    """A run that is small, and has as much state as there is.

    Attributes:
        name: What reports call it.
        overrides: Its command line.
        accidents: What every launch of it gets from ``helpers.accidents``.
        epochs: Of (phase 1, phase 3).
        images: Whether ``dataset.root`` is needed, class folders of images.
    """

    name: str
    overrides: tuple[str, ...]
    accidents: tuple[tuple[object, ...], ...] = ()
    epochs: tuple[int, int] = (3, 3)
    images: bool = False

    def arguments(self, root):
        """The command line, with images from ``root`` where they come from files."""
        epochs = [f"epochs={self.epochs[0]}", f"retrain.epochs={self.epochs[1]}"]
        return [*self.overrides, *epochs, *HERE, *([f"dataset.root={root}"] if self.images else [])]


_NETWORK = ("model=small_cnn", "model.extractor.width=4", "optimizer=adam")
# margins, weights that come late, warm-up and a schedule; several batches per epoch, and several calls in phase 3
_STATE = ("loss=ldam", "reweight=drw", "reweight.start=2", "scheduler=cosine", "scheduler.warmup_epochs=2")
_STATE += ("retrain.scheduler.warmup_epochs=2", "dataset.augment.flip=true", "dataset.augment.cutout=3")
_DIGITS = ("dataset=digits", *_NETWORK, *_STATE, "batch_size=48", "retrain.batch_size=64")
_STREAM = ("dataset=image_folder", *_NETWORK, *_STATE, "dataset.augment.pad=1", "dataset.image_size=8")
_STREAM += ("batch_size=8", "retrain.batch_size=8", "dataset.in_memory=false")
_QUICK = (("without_figures",), ("small_calls", 4))
_DROPOUT = (("dropout", 0.3), *_QUICK)

_MIXED = ("mix=manifold_mixup", "mix.probability=0.7", "sampler=progressive", "callbacks.diagnostics_every=2")
_PASTED = ("mix=cmo", "mix.start=0", "mix.end=null", "sampler=drs", "sampler.start=1")
# noise in the loss, counts that it gathers, two passes a step, experts, and a phase 3 on images
_NOISE = ("loss=gcl", "mix=mfw", "mix.spread=beta", "sharpness=sam")
_IMAGES = (
    "loss=seesaw",
    "reweight=none",
    "mix=unimix",
    "method=lws",
    "retrain.batch_size=48",
    "posthoc=logit_adjustment",
    "posthoc.target_prior=[1,1,1,1,1,1,1,1,1,5]",  # class-balanced images leave no prior to take out
)

# a new source of randomness or state belongs into one of these command lines
SCENARIOS = (
    Scenario("digits", (*_DIGITS, *_MIXED, "store=true"), _DROPOUT),
    Scenario(
        "stream-0", (*_STREAM, *_NOISE, "num_workers=0", f"dataset.augment.per_image=[{JITTER}]"), _DROPOUT, images=True
    ),
    Scenario("stream-2", (*_STREAM, *_PASTED, "num_workers=2", "store=off"), _QUICK, images=True),
    Scenario("digits-images", (*_DIGITS, *_IMAGES, "store=off"), _DROPOUT),
    Scenario("digits-alone", (*_DIGITS, "store=off"), _DROPOUT),
)


class Survived(NamedTuple):
    """What a run went through before it finished.

    Attributes:
        hits: ``"SIGKILL in phase 1"``, ..., one for each launch that was killed.
        complaints: What a launch did that it must not do.
    """

    hits: list[str]
    complaints: list[str]


def survive(launch, folder, arguments, accidents, rng, moments, kills):
    """Launch a run again and again, killing it at random moments, until it finishes.

    Args:
        launch: A ``Console``.
        folder: Working folder, empty.
        arguments: The command line.
        accidents: What every launch gets.
        rng: ``random.Random``, which draws the moments, the signals, and whether worker processes get them too.
        moments: Kills are uniform over so many seconds.
        kills: After how many the run is left alone.
    """
    hits, complaints = [], []
    for _ in range(MOST_LAUNCHES):
        kill = Kill(rng.uniform(0, moments), rng.choice(KILLS), rng.random() < 0.5)
        kill = kill if len(hits) < min(kills, MOST_KILLS) else None
        before = drafts(folder)
        end = launch(folder, *arguments, accidents=accidents, kill=kill)
        if end.code == 0:
            return Survived(hits, complaints)
        if not end.hit:
            return Survived(hits, [*complaints, f"failed by itself with code {end.code}\n{end.out}"])
        name = signal.Signals(kill.number).name
        hits.append(f"{name}{' to all' * kill.group} in {stage(folder, drafts(folder) - before)}")
        if end.stuck or end.code != 128 + kill.number:
            complaints.append(f"{hits[-1]}, after {kill.after:.3f} s: code {end.code}\n{end.out}")
    return Survived(hits, [*complaints, f"not finished after {MOST_LAUNCHES} launches"])


def drafts(folder):
    """Files that an atomic write had not finished."""
    return {path for path in Path(folder).rglob(".*") if _DRAFT.fullmatch(path.name)}


def stage(folder, new_drafts=()):
    """How far a killed run had come, by what lies in its folder.

    Args:
        folder: Working folder of the launch.
        new_drafts: Drafts that this launch left.
    """
    run = RunFolder(Path(folder) / "run")
    writing = sorted({_DRAFT.fullmatch(path.name)[1] for path in new_drafts})
    return _reached(run) + (f", writing {' and '.join(writing)}" if writing else "")


def _reached(run):
    if run.finished:
        return "the end, after metrics.json"
    if run.predictions_file("test").is_file():
        return "figures and metrics"
    files = {phase: run.checkpoint(phase, "last") for phase in Phase}
    epochs = run.read_config() if run.config_file.is_file() else None
    if files[Phase.RETRAIN].is_file():
        return "the test" if _is_over(files[Phase.RETRAIN], epochs.retrain.epochs) else "phase 3"
    if run.predictions_file("represent_test").is_file():
        return "embedding, balancing or the first epoch of phase 3"
    if files[Phase.REPRESENT].is_file():
        return "the test between the phases" if _is_over(files[Phase.REPRESENT], epochs.epochs) else "phase 1"
    return "the first epoch of phase 1" if epochs else "the preparations"


def _is_over(path, epochs):
    return torch.load(path, weights_only=True)["loops"]["fit_loop"]["epoch_progress"]["current"]["completed"] >= epochs


def differences(expected, found):
    """Everything in which two finished runs differ that must not depend on interruptions; empty if nothing.

    Args:
        expected: Working folder of a run that was never interrupted.
        found: Working folder of another one.
    """
    a, b = (RunFolder(Path(folder) / "run") for folder in (expected, found))
    different = [f"left behind: {path.relative_to(found)}" for path in sorted(drafts(b.path))]
    for name in ("metrics.json", "data.json"):
        different += [name] * (_bytes(a.path / name) != _bytes(b.path / name))
    different += [f"{a.metrics_csv.name}: {text}" for text in _row_differences(a.metrics_csv, b.metrics_csv)]
    for kind, read in (("checkpoints/*/best.ckpt", _weights), ("checkpoints/*/last.ckpt", _state)):
        different += _file_differences(a.path, b.path, kind, read)
    return different + _file_differences(a.path, b.path, "predictions/*.npz", _arrays)


def _file_differences(expected, found, pattern, read):
    names = sorted(path.relative_to(expected).as_posix() for path in expected.glob(pattern))
    also = sorted(path.relative_to(found).as_posix() for path in found.glob(pattern))
    if names != also:
        return [f"{also} instead of {names}"]
    pairs = {name: (read(expected / name), read(found / name)) for name in names}
    return [f"{name}: {key}" for name, (one, other) in pairs.items() for key in _unequal(one, other)]


def _unequal(one, other, key=""):
    """Dotted names of what is not equal to the last bit in two nested values."""
    if isinstance(one, Mapping) and isinstance(other, Mapping) and one.keys() == other.keys():
        return [name for k in one for name in _unequal(one[k], other[k], f"{key}.{k}")]
    if isinstance(one, list | tuple) and isinstance(other, list | tuple) and len(one) == len(other):
        return [name for i, (x, y) in enumerate(zip(one, other, strict=True)) for name in _unequal(x, y, f"{key}.{i}")]
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        same = one.dtype == other.dtype and torch.equal(one, other)
    elif isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        same = one.dtype == other.dtype and np.array_equal(one, other)
    else:
        same = type(one) is type(other) and one == other
    return [] if same else [key]


def _row_differences(expected, found):
    rows = [list(csv.DictReader(path.read_text().splitlines())) for path in (expected, found)]
    if len(rows[0]) != len(rows[1]):
        return [f"{len(rows[1])} rows instead of {len(rows[0])}"]
    return [f"row {i}, {name}" for i, pair in enumerate(zip(*rows, strict=True)) for name in _unequal(*pair)]


def _bytes(path):
    return path.read_bytes() if path.is_file() else None


def _arrays(path):
    with np.load(path) as arrays:
        return dict(arrays)


def _weights(path):
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    return {name: checkpoint[name] for name in ("state_dict", "epoch", "global_step")}


def _state(path):
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    names = ("state_dict", "epoch", "global_step", "optimizer_states", "lr_schedulers")
    return {name: checkpoint[name] for name in names}
