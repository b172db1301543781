"""After training: a trained head in, another head out; parameters are searched on validation data alone."""

from lightning_imb.posthoc.base import Adjusted, Given, NoAdjustment, PostHoc
from lightning_imb.posthoc.heads import AdjustedHead, AffineLogits, CentroidHead, FixedLinear, from_kept, to_kept
from lightning_imb.posthoc.logit_adjustment import LogitAdjustment, PCSoftmax
from lightning_imb.posthoc.ncm import NearestClassMean
from lightning_imb.posthoc.rebagg import REBAGG
from lightning_imb.posthoc.tau_norm import TauNorm
from lightning_imb.posthoc.temperature import Temperature
from lightning_imb.posthoc.weight_rescaling import WeightRescaling

__all__ = [
    "REBAGG",
    "Adjusted",
    "AdjustedHead",
    "AffineLogits",
    "CentroidHead",
    "FixedLinear",
    "Given",
    "LogitAdjustment",
    "NearestClassMean",
    "NoAdjustment",
    "PCSoftmax",
    "PostHoc",
    "TauNorm",
    "Temperature",
    "WeightRescaling",
    "from_kept",
    "to_kept",
]
