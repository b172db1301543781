"""What ``imb-predict`` does: classes and probabilities, or numbers, of images without labels."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from omegaconf import DictConfig
from rich.console import Console
from rich.progress import track
from torch import Tensor

from lightning_imb.checks import check_accelerator, check_choice, check_whole
from lightning_imb.data.datasets.unlabelled import unlabelled_images
from lightning_imb.data.loading import NoImageLeftError, load_all
from lightning_imb.data.sources import FileSource
from lightning_imb.exporting.description import Description
from lightning_imb.exporting.network import describe_network, network_predictor
from lightning_imb.exporting.opened import open_exported
from lightning_imb.exporting.predictor import Predictor
from lightning_imb.machine import pick_device
from lightning_imb.restore import restore_network, restore_transform
from lightning_imb.runs import RunFolder
from lightning_imb.utils.atomic import growing_file
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.memory import keep_freed_memory


def classify(cfg: DictConfig) -> pd.DataFrame:
    """Classify every image of a folder or zip, or estimate its number, and write one csv row per image.

    Rows are written batch by batch, to a draft that becomes the csv at the end: what stops it half-way loses none. The
    head is that of the run's own scores: if the run has a post-hoc method, as adjusted by it.

    Args:
        cfg: The composed config of ``conf/predict.yaml``.

    Returns:
        Columns ``name``, ``class`` and ``p_<class name>``, in the order of the names; for a run that learned numbers
        ``name`` and what these are called, such as ``age``.

    Raises:
        InputError: If the run, its checkpoint, the exported file or an image is unusable, or a setting does not belong
            to what predicts; with the name of the draft, if it holds rows.
    """
    check_accelerator(cfg.accelerator)
    keep_freed_memory()
    check_whole(cfg.batch_size, "batch_size", 1)
    check_choice(cfg.on_bad_image, "on_bad_image", ("error", "skip"))
    output = _writable(str(cfg.output))
    predictor = _predictor(cfg)
    channels, height, width = predictor.description.image_size
    source = unlabelled_images(cfg.input, image_size=(height, width), channels=channels)
    table = _written(_tables(cfg, predictor, source), output)
    skipped = len(source) - len(table)
    left_out = f", {skipped} unreadable ones skipped" if skipped else ""
    done = "estimated" if predictor.description.regression else "classified"
    Console().print(f"{len(table)} images {done}{left_out}, written to {output}", soft_wrap=True)
    return table


def _predictor(cfg: DictConfig) -> Predictor:
    """The network of the run, or of the exported file."""
    if (cfg.run is None) == (cfg.file is None):
        raise InputError(
            f"run={cfg.run} and model={cfg.file}: give one of them, a run folder or a file that imb-export wrote"
        )
    return _of_run(cfg) if cfg.file is None else _of_file(cfg)


def _of_run(cfg: DictConfig) -> Predictor:
    run = RunFolder.open_finished(str(cfg.run))
    description = describe_network(run, cfg.phase, cfg.checkpoint)
    _check_pixels(description, f"the run in {run.path}")
    device = pick_device(cfg.accelerator.accelerator)
    model = restore_network(run, cfg.phase, cfg.checkpoint).to(device)
    transform = restore_transform(run, cfg.accelerator.channels_last).to(device)
    return network_predictor(run, model, transform, description, exact=False)


def _of_file(cfg: DictConfig) -> Predictor:
    for key in ("phase", "checkpoint"):
        if cfg[key] != "auto":
            raise InputError(f"{key}={cfg[key]} is of a run, but model={cfg.file} holds one network: leave {key} out")
    if cfg.accelerator.accelerator != "cpu":
        raise InputError(f"model={cfg.file} predicts on the CPU: leave accelerator out, or give run=<run folder>")
    predictor = open_exported(Path(str(cfg.file)).expanduser())
    _check_pixels(predictor.description, f"model={cfg.file}")
    return predictor


def _check_pixels(description: Description, what: str) -> None:
    if description.pixels != "uint8":
        raise InputError(
            f"{what} learned from arrays of real numbers, which image files cannot hold: call its network from Python"
        )


def _classes(logits: Tensor, description: Description) -> pd.DataFrame:
    classes, probabilities = description.class_names, logits.softmax(1)
    table = pd.DataFrame(probabilities.numpy(), columns=[f"p_{name}" for name in classes])
    table.insert(0, "class", [classes[i] for i in probabilities.argmax(1).tolist()])
    return table


def _numbers(outputs: Tensor, description: Description) -> pd.DataFrame:
    return pd.DataFrame({description.target: outputs.numpy()})


def _writable(output: str) -> Path:
    """Where the csv goes, refused before the images are classified if it cannot be written there."""
    path = Path(output).expanduser()
    if path.is_dir():
        raise InputError(f"output={path} is a folder: give the name of a csv file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"output={path} cannot be written ({error.strerror}): choose another file") from error
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"output={path} cannot be written (the folder is read-only): choose another file")
    return path


def _written(tables: Iterable[pd.DataFrame], output: Path) -> pd.DataFrame:
    """Write tables as they come, so that no later one can lose them; returns all their rows."""
    done: list[pd.DataFrame] = []
    with growing_file(output) as file:
        for table in tables:
            file.write(table.to_csv(index=False, header=not done, float_format="%.6f").encode("utf-8"))
            file.flush()
            done.append(table)
    return pd.concat(done, ignore_index=True)


def _tables(cfg: DictConfig, predictor: Predictor, source: FileSource) -> Iterator[pd.DataFrame]:
    """A row per image that can be decoded, batch by batch."""
    made_of, good = _numbers if predictor.description.regression else _classes, 0
    for start in track(range(0, len(source), cfg.batch_size), description="predicting", transient=True):
        wanted = np.arange(start, min(start + cfg.batch_size, len(source)))
        try:
            images, kept = load_all(source, wanted, on_bad_image=cfg.on_bad_image, setting="on_bad_image")
        except NoImageLeftError:  # all of this batch; the next may hold good ones
            continue
        with torch.no_grad():
            table = made_of(predictor.answer(images), predictor.description)
        table.insert(0, "name", [source.names[i] for i in kept.tolist()])
        good += len(table)
        yield table
    if not good:
        raise InputError(f"none of the {len(source)} images in {cfg.input} can be decoded: check the files")
