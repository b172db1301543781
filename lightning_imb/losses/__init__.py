"""Losses for imbalanced classes: logits ``(N, K)`` and a hard or soft target in, a scalar out."""

from lightning_imb.losses.asymmetric import AsymmetricLoss
from lightning_imb.losses.asymmetric_multi_label import MultiLabelAsymmetricLoss
from lightning_imb.losses.balanced_contrastive import BalancedContrastiveLoss
from lightning_imb.losses.base import ClassCountLoss
from lightning_imb.losses.class_balanced import ClassBalancedLoss
from lightning_imb.losses.class_weighted_smoothing import ClassWeightedSmoothingLoss
from lightning_imb.losses.cross_entropy import CrossEntropyLoss
from lightning_imb.losses.equalization import EqualizationLoss
from lightning_imb.losses.focal import FocalLoss
from lightning_imb.losses.gcl import GCLLoss
from lightning_imb.losses.influence_balanced import InfluenceBalancedLoss
from lightning_imb.losses.label_aware_smoothing import LabelAwareSmoothingLoss
from lightning_imb.losses.label_smoothing import LabelSmoothingLoss
from lightning_imb.losses.lade import LADELoss
from lightning_imb.losses.ldam import LDAMLoss
from lightning_imb.losses.logit_adjustment import LogitAdjustmentLoss
from lightning_imb.losses.ride import RIDELoss
from lightning_imb.losses.sade import SADELoss
from lightning_imb.losses.seesaw import SeesawLoss
from lightning_imb.losses.sigmoid_focal import SigmoidFocalLoss
from lightning_imb.losses.vector_scaling import CDTLoss, VSLoss
from lightning_imb.losses.weights import class_weights, drw_weights

__all__ = [
    "AsymmetricLoss",
    "BalancedContrastiveLoss",
    "CDTLoss",
    "ClassBalancedLoss",
    "ClassCountLoss",
    "ClassWeightedSmoothingLoss",
    "CrossEntropyLoss",
    "EqualizationLoss",
    "FocalLoss",
    "GCLLoss",
    "InfluenceBalancedLoss",
    "LADELoss",
    "LDAMLoss",
    "LabelAwareSmoothingLoss",
    "LabelSmoothingLoss",
    "LogitAdjustmentLoss",
    "MultiLabelAsymmetricLoss",
    "RIDELoss",
    "SADELoss",
    "SeesawLoss",
    "SigmoidFocalLoss",
    "VSLoss",
    "class_weights",
    "drw_weights",
]
