"""Which device an over-sampler computes on."""

import torch

from lightning_imb.utils.errors import InputError


def resolved_device(device: str) -> str:
    """Resolve ``auto`` (cuda if there is one) and refuse a CUDA device that is not there.

    Raises:
        InputError: ``"cuda"`` was asked for and torch sees none.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("device='cuda' was asked for but torch sees no CUDA device; use device='cpu' or 'auto'.")
    return device
