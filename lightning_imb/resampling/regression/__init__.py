"""Resamplers of embeddings with numeric targets: ``fit_resample(z, y)``, bins in the place of classes."""

from lightning_imb.resampling.regression.base import RegressionResampler
from lightning_imb.resampling.regression.eos import RegressionEOS
from lightning_imb.resampling.regression.gaussian_by_bin import GaussianByBin
from lightning_imb.resampling.regression.random_by_bin import RandomByBin
from lightning_imb.resampling.regression.smogn import SMOGN

__all__ = ["SMOGN", "GaussianByBin", "RandomByBin", "RegressionEOS", "RegressionResampler"]
