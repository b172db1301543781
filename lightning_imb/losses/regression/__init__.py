"""Losses for numeric targets: predictions ``(N,)`` and targets ``(N,)`` in, a scalar out."""

from lightning_imb.losses.regression.base import RegressionLoss
from lightning_imb.losses.regression.bmc import BMCLoss
from lightning_imb.losses.regression.bni import BNILoss
from lightning_imb.losses.regression.focal_r import FocalRLoss
from lightning_imb.losses.regression.gai import GAILoss
from lightning_imb.losses.regression.kernels import smooth, smoothing_kernel
from lightning_imb.losses.regression.pointwise import HuberLoss, L1Loss, MSELoss
from lightning_imb.losses.regression.target_weights import BinWeights, TargetWeights

__all__ = [
    "BMCLoss",
    "BNILoss",
    "BinWeights",
    "FocalRLoss",
    "GAILoss",
    "HuberLoss",
    "L1Loss",
    "MSELoss",
    "RegressionLoss",
    "TargetWeights",
    "smooth",
    "smoothing_kernel",
]
