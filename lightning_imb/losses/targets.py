"""Hard labels ``(N,)`` as shares ``(N, K)``, and shares as the labels that they mix."""

import torch
from torch import Tensor


def as_shares(logits: Tensor, target: Tensor) -> Tensor:
    """Shares ``(N, K)`` in the type of the logits; one-hot rows for labels. Never waits for an accelerator."""
    if target.ndim == 2:
        return target.to(logits.dtype)
    return torch.zeros_like(logits).scatter(1, target.unsqueeze(1), 1.0)


def labels_and_shares(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Labels that the rows mix and their shares, ``(N, m)`` each.

    m is 1 for hard labels, which never wait for an accelerator, and else what the fullest row needs. Reading that
    waits once a batch; all K classes would spare the wait at the price of K losses instead of, for mixup, two.
    """
    if target.ndim == 1:
        return target.unsqueeze(1), torch.ones_like(target, dtype=logits.dtype).unsqueeze(1)
    most = max(1, int((target != 0).sum(dim=1).max()))
    shares, labels = target.to(logits.dtype).topk(most, dim=1)
    return labels, shares
