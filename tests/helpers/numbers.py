"""A tiny learnable regression: images whose brightness is the target; its data module and its network."""

import functools

import numpy as np
import torch

from helpers import tiny
from lightning_imb.data.sources import ArraySource
from lightning_imb.data.splits import Splits
from lightning_imb.losses.regression import MSELoss
from lightning_imb.models.backbones import SmallCNN
from lightning_imb.models.heads import RegressionHead
from lightning_imb.models.regressor import ImbalancedRegressor
from lightning_imb.models.schedules import constant
from lightning_imb.utils.target_bins import TargetBins, TargetSample

BINS = TargetBins((0.0, 1.0, 2.0, 3.0))
COUNTS = (40, 20, 0)


def source(values, seed=0, side=8):
    """Float images with noise around the value."""
    random = np.random.default_rng(seed)
    values = np.asarray(values, dtype=np.float64)
    pixels = values[:, None, None, None] + 0.1 * random.normal(size=(len(values), 1, side, side))
    return ArraySource(pixels.astype(np.float32), BINS.of(values), BINS.names, values=values)


def draws(counts, seed):
    random = np.random.default_rng(seed)
    return np.concatenate([low + random.random(n) for low, n in zip(BINS.edges, counts, strict=False)])


def splits(train=COUNTS, test=(10, 10, 10), floor=None):
    return Splits(source(draws(train, 0), 1), None, source(draws(test, 2), 3), BINS, floor)


def data_module(train=COUNTS, floor=None, **changes):
    settings = {"mean": [1.0], "std": [1.0], "pad": 0, "splits": functools.partial(splits, train, floor=floor)}
    return tiny.data_module(**(settings | changes))


def sample(values=None):
    return TargetSample(draws(COUNTS, 0) if values is None else np.asarray(values, dtype=np.float64), BINS)


def regressor(seed=0, **changes):
    torch.manual_seed(seed)
    settings = {
        "extractor": SmallCNN(in_channels=1, width=4),
        "head": RegressionHead(16, bias=True),
        "loss": MSELoss(sample()),
        "optimizer": functools.partial(torch.optim.Adam, lr=0.01),
        "scheduler": lambda optimizer: constant(optimizer, epochs=1, warmup_epochs=0),
        "class_counts": COUNTS,
        "bins": BINS,
        "monitor": "val",
    }
    return ImbalancedRegressor(**(settings | changes))
