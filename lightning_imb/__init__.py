"""lightning_imb: image classifiers on imbalanced classes, with PyTorch Lightning and Hydra.

Importing the package imports nothing heavy: ``--help``, completion and sweep scheduling stay fast.
"""

__version__ = "0.1.0"
