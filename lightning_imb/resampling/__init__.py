"""Over-samplers of embeddings, and one of images, with imbalanced-learn's interface: ``fit_resample(X, y)``."""

from lightning_imb.resampling.classwise import ClassWise
from lightning_imb.resampling.deep_smote import DeepSMOTE
from lightning_imb.resampling.eos import EOS
from lightning_imb.resampling.fsa import FSA
from lightning_imb.resampling.gaussian import Gaussian
from lightning_imb.resampling.no_resampling import NoResampling
from lightning_imb.resampling.tail_calib import TailCalib

__all__ = ["EOS", "FSA", "ClassWise", "DeepSMOTE", "Gaussian", "NoResampling", "TailCalib"]
