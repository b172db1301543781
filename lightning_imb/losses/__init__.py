"""Losses for imbalanced classes: logits ``(N, K)`` and a hard or soft target in, a scalar out."""

from lightning_imb.losses.asymmetric import AsymmetricLoss
from lightning_imb.losses.base import ClassCountLoss
from lightning_imb.losses.class_balanced import ClassBalancedLoss
from lightning_imb.losses.cross_entropy import CrossEntropyLoss
from lightning_imb.losses.focal import FocalLoss
from lightning_imb.losses.ldam import LDAMLoss
from lightning_imb.losses.sigmoid_focal import SigmoidFocalLoss
from lightning_imb.losses.weights import class_weights, drw_weights, start_epoch

__all__ = [
    "AsymmetricLoss",
    "ClassBalancedLoss",
    "ClassCountLoss",
    "CrossEntropyLoss",
    "FocalLoss",
    "LDAMLoss",
    "SigmoidFocalLoss",
    "class_weights",
    "drw_weights",
    "start_epoch",
]
