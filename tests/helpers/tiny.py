"""A tiny learnable image problem, its data module and its classifier, without any config."""

import functools

import numpy as np
import torch
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import ModelCheckpoint

from lightning_imb.data.datamodule import ImbalancedDataModule
from lightning_imb.data.sources import ArraySource
from lightning_imb.data.splits import Splits
from lightning_imb.losses import CrossEntropyLoss
from lightning_imb.models.backbones import SmallCNN
from lightning_imb.models.classifier import ImbalancedClassifier
from lightning_imb.models.heads import LinearHead
from lightning_imb.models.retraining import Retraining
from lightning_imb.models.schedules import constant

CLASSES = ("left", "middle", "right")


def images(per_class, seed=0, side=8):
    """Noise with a bright column whose place tells the class: uint8 (N, 1, side, side) and labels."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(per_class)), per_class)
    pixels = rng.integers(0, 120, (len(labels), 1, side, side))
    for image, label in zip(pixels, labels, strict=True):
        image[0, :, 1 + 2 * label] += 100
    return pixels.astype(np.uint8), labels


def splits(train=(40, 20, 10), test=(10, 10, 10), val=None):
    parts = [
        None if counts is None else ArraySource(*images(counts, seed), CLASSES)
        for seed, counts in enumerate((train, val, test))
    ]
    return Splits(*parts)


def data_module(train=(40, 20, 10), **changes):
    settings = {
        "splits": functools.partial(splits, train=train),
        "profile": list,
        "selection": "random",
        "subset_seed": 0,
        "val_size": 0.2,
        "split_seed": 0,
        "monitor": "val",
        "mean": [0.4],
        "std": [0.2],
        "pad": 1,
        "flip": False,
        "channels_last": True,
        "batch_size": 16,
        "eval_batch_size": 32,
        "num_workers": 0,
        "in_memory": True,
        "memory_limit_gb": 1.0,
        "on_bad_image": "error",
        "seed": 0,
    }
    return ImbalancedDataModule(**(settings | changes))


def ready(**changes):
    data = data_module(**changes)
    data.setup("fit")
    return data


def loss(counts=(40, 20, 10)):
    return CrossEntropyLoss(counts, weights="none", beta=0.9999, reduction="weighted_mean")


def retraining(**changes):
    settings = {
        "loss": loss(),
        "optimizer": functools.partial(torch.optim.SGD, lr=0.1),
        "scheduler": lambda optimizer: constant(optimizer, epochs=1, warmup_epochs=0),
    }
    return Retraining(**(settings | changes))


def classifier(counts=(40, 20, 10), seed=0, **changes):
    torch.manual_seed(seed)
    settings = {
        "extractor": SmallCNN(in_channels=1, width=4),
        "head": LinearHead(16, len(counts), init="default"),
        "loss": loss(counts),
        "optimizer": functools.partial(torch.optim.SGD, lr=0.1, momentum=0.9),
        "scheduler": lambda optimizer: constant(optimizer, epochs=1, warmup_epochs=0),
        "class_counts": counts,
        "monitor": "val",
        "log_per_class": True,
    }
    return ImbalancedClassifier(**(settings | changes))


def trainer(folder, epochs, callbacks=(), **changes):
    """A trainer that says nothing, logs nothing, and saves what the callbacks save."""
    settings = {
        "accelerator": "cpu",
        "max_epochs": epochs,
        "logger": False,
        "callbacks": [*callbacks],
        "enable_checkpointing": any(isinstance(callback, ModelCheckpoint) for callback in callbacks),
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "default_root_dir": folder,
    }
    return Trainer(**(settings | changes))
