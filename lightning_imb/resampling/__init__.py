"""Over-samplers in embedding space with imbalanced-learn's interface: ``fit_resample(X, y)``."""

from lightning_imb.resampling.classwise import ClassWise
from lightning_imb.resampling.eos import EOS
from lightning_imb.resampling.no_resampling import NoResampling

__all__ = ["EOS", "ClassWise", "NoResampling"]
