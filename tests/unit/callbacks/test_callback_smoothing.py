import functools

import numpy as np
import torch
from helpers import tiny
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import ModelCheckpoint

from lightning_imb.callbacks.phase_switch import extract
from lightning_imb.callbacks.smoothing import SmoothFeatures
from lightning_imb.data.sources import ArraySource
from lightning_imb.data.splits import Splits
from lightning_imb.losses.regression import MSELoss
from lightning_imb.models.backbones import SmallCNN
from lightning_imb.models.feature_smoothing import FeatureSmoothing
from lightning_imb.models.heads import RegressionHead
from lightning_imb.models.regressor import ImbalancedRegressor
from lightning_imb.models.schedules import constant
from lightning_imb.utils.target_bins import TargetBins, TargetSample

EDGES = (-0.5, 0.5, 1.5, 2.5)  # the labels 0, 1 and 2 of the tiny set stand for targets
COUNTS = (32, 16, 8)  # of the tiny training set without its validation images


def splits():
    """The tiny set with numbers for targets."""
    classes = tiny.splits()
    train, test = (
        ArraySource(source.images, source.labels, source.class_names, values=source.labels)
        for source in (classes.train, classes.test)
    )
    return Splits(train, None, test, TargetBins(EDGES))


def smoothing():
    return FeatureSmoothing(16, EDGES, "gaussian", 3, 2.0, "official", 0.9, 1, [0.1, 10.0], "exclude")


def module(smoothed=True):
    torch.manual_seed(0)
    bins = TargetBins(EDGES)
    return ImbalancedRegressor(
        extractor=SmallCNN(in_channels=1, width=4),
        head=RegressionHead(16, bias=True),
        loss=MSELoss(TargetSample(np.repeat([0.0, 1.0, 2.0], COUNTS), bins)),
        optimizer=functools.partial(torch.optim.SGD, lr=0.01),
        scheduler=lambda optimizer: constant(optimizer, epochs=1, warmup_epochs=0),
        class_counts=COUNTS,
        bins=bins,
        monitor="val",
        smoothing=smoothing() if smoothed else None,
    )


def fit(tmp_path, model, *callbacks, epochs=2, data=None, **changes):
    trainer = tiny.trainer(tmp_path, epochs, [SmoothFeatures(), *callbacks])
    trainer.fit(model, datamodule=data or tiny.data_module(splits=splits), **changes)
    return model


class Twin(Callback):
    """Does by hand what the callback has to do."""

    def __init__(self):
        self.smoothing, self.modes = smoothing(), []

    def on_train_epoch_end(self, trainer, pl_module):
        self.smoothing.update(*extract(pl_module, trainer.datamodule, "train"))
        self.modes.append(pl_module.training)


def test_after_every_epoch_the_whole_training_set_is_seen(tmp_path):
    data, twin = tiny.data_module(splits=splits), Twin()
    model = fit(tmp_path, module(), twin, data=data, epochs=3)
    assert model.smoothing.seen.tolist() == [3 * n for n in COUNTS]
    assert all(
        torch.equal(value, twin.smoothing.state_dict()[name]) for name, value in model.smoothing.state_dict().items()
    )
    assert twin.modes == [True] * 3


def test_the_first_epoch_trains_as_without_and_the_second_does_not(tmp_path):
    for epochs, same in ((1, True), (2, False)):
        plain = fit(tmp_path, module(smoothed=False), epochs=epochs).state_dict()
        smoothed = fit(tmp_path, module(), epochs=epochs).state_dict()
        assert {name for name in smoothed if name.startswith("smoothing.")} == set(smoothed) - set(plain)
        assert all(torch.equal(value, smoothed[name]) for name, value in plain.items()) == same


def test_a_resumed_fit_goes_on_with_the_statistics(tmp_path):
    def run(folder, epochs, resume=None):
        keep = ModelCheckpoint(folder, "last", save_on_train_epoch_end=True, enable_version_counter=False)
        return fit(tmp_path, module(), keep, epochs=epochs, ckpt_path=resume, weights_only=True)

    whole = run(tmp_path / "whole", 3)
    run(tmp_path / "cut", 1)
    resumed = run(tmp_path / "cut", 3, resume=tmp_path / "cut" / "last.ckpt")
    assert all(torch.equal(value, resumed.state_dict()[name]) for name, value in whole.state_dict().items())
