"""Whole runs in this process: small, silent, in a folder of the test."""

from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_module
from PIL import Image
from sklearn.datasets import load_digits

from helpers.images import pixels, write_image
from lightning_imb.evaluation import evaluate
from lightning_imb.inference import classify
from lightning_imb.runs import RunFolder
from lightning_imb.utils.errors import InputError
from lightning_imb.workflow import train

TINY = ["model=small_cnn", "model.extractor.width=4", "optimizer=adam", "scheduler=constant", "batch_size=8"]


def composed(*overrides, config="train"):
    """The config of a command line."""
    with initialize_config_module("lightning_imb.conf", version_base="1.3"):
        return compose(config, overrides=list(overrides))


def config(folder, *overrides):
    """A training config that writes to ``folder``, nothing to the screen while it trains, and shares nothing."""
    given = {override.split("=")[0] for override in overrides}
    quiet = {"logger": "none", "callbacks": "quiet", "store": "off"}
    return composed(*overrides, f"run_dir={folder}", *(f"{k}={v}" for k, v in quiet.items() if k not in given))


def trained(folder, *overrides):
    """Train; returns the folder."""
    train(config(folder, *overrides))
    return RunFolder(folder)


def own_images(root, *overrides, dataset="image_folder"):
    """Overrides for images of one's own with a tiny network."""
    return [f"dataset={dataset}", f"dataset.root={root}", *TINY, "epochs=1", "method=erm", *overrides]


def weights(run, phase, kind="last"):
    """The network of a checkpoint."""
    from lightning_imb.fit import read_checkpoint

    return read_checkpoint(run.checkpoint(phase, kind))["state_dict"]


def evaluated(run, *overrides):
    """What imb-eval returns."""
    return evaluate(composed(f"run={run.path}", *overrides, config="eval"))


def classified(run, source, output, *overrides):
    """What imb-predict returns."""
    return classify(composed(f"run={run.path}", f"input={source}", f"output={output}", *overrides, config="predict"))


def assert_refused(action, *words):
    """``action`` raises one sentence that holds all the words; returns it."""
    with pytest.raises(InputError) as caught:
        action()
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert " at 0x" not in sentence
    for word in words:
        assert word in sentence, sentence
    return sentence


def assert_refused_before_training(folder, words, *overrides):
    """Training is refused, nothing is trained, and the folder can still be used with better settings."""
    assert_refused(lambda: train(config(folder, *overrides)), *words)
    left = [p for p in Path(folder).rglob("*") if p.is_file() and p.name != ".lock"]
    assert left == []


def coloured_classes(root, counts=(12, 8, 6), side=8):
    """``root/<class>/NN.png``: noise with a colour of its own for every class."""
    for k, count in enumerate(counts):
        for i in range(count):
            image = pixels(100 * k + i, side, side) // 3
            image[..., k % 3] += 120
            write_image(Path(root) / "abc"[k] / f"{i:02d}.png", image)
    return Path(root)


def digit_files(root, names):
    """PNG files of digits by their names in the data set, ``digits/0123``."""
    images = np.rint(load_digits().images * (255 / 16)).astype(np.uint8)
    Path(root).mkdir(parents=True, exist_ok=True)
    for name in names:
        number = name.removeprefix("digits/")
        Image.fromarray(images[int(number)]).save(Path(root) / f"{number}.png")
    return Path(root)
