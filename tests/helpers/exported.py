"""Networks that were never trained, as exported files describe them."""

import torch

from lightning_imb.data.transforms import BatchTransform
from lightning_imb.exporting.description import Description
from lightning_imb.models.backbones import SmallCNN

SIZE = (1, 8, 8)
MEAN, STD = 0.3, 0.2


def describing(**changes):
    """Of three classes, and images of 8 x 8 grey pixels."""
    known = {
        "task": "classification",
        "class_names": ("a", "b", "c"),
        "target": None,
        "image_size": SIZE,
        "pixels": "uint8",
        "dataset": "digits",
        "method": "erm",
        "seed": 0,
        "phase": "represent",
        "checkpoint": "best",
        "precision": "32-true",
        "config_hash": "12",
        "fingerprint": "34",
        "version": "0.1.0",
    }
    return Description(**(known | changes))


def transform():
    return BatchTransform([MEAN], [STD], pad=0, flip=False, channels_last=False)


def seen_extractor(seed=0):
    """A small network whose batch norm has seen images, in evaluation mode."""
    torch.manual_seed(seed)
    extractor = SmallCNN(in_channels=1, width=4)
    with torch.no_grad():
        extractor(torch.randn(16, *SIZE))
    return extractor.eval()


def pixels(n, seed=1):
    """Images uint8 (n, 1, 8, 8)."""
    return torch.randint(0, 256, (n, *SIZE), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)
