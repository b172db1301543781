"""The weight vector of each class, read out of the heads that have one."""

from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lightning_imb.models.contrastive import classifier_of
from lightning_imb.models.heads import CosineHead
from lightning_imb.models.scaled_head import ScaledHead
from lightning_imb.posthoc import AffineLogits, FixedLinear


class HeadWeights(NamedTuple):
    """A head with one weight vector per class.

    A linear head has logits ``z W^T + b``; a cosine head ``scale * cos(z, w_c) + b_c``, where the length of the weight
    vectors means nothing.

    Attributes:
        weight: W (K, D) float32.
        bias: b (K,) float32, zeros where the head has none.
        kind: ``linear`` or ``cosine``.
        scale: Multiplier of the cosines; 1 for a linear head.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    kind: Literal["linear", "cosine"]
    scale: float


def head_weights(head: nn.Module) -> HeadWeights | None:
    """Read the weights of a head; None where no single vector per class makes the logits.

    Scales per class and affine post-hoc methods are worked into the weights of a linear head: what is returned gives
    the very logits of the head.

    Args:
        head: Of a classifier.
    """
    inner = classifier_of(head)
    if isinstance(inner, AffineLogits):
        return _affine(head_weights(inner.inner), inner.scale, inner.shift)
    if isinstance(inner, CosineHead):
        return HeadWeights(_array(inner.rows), np.zeros(inner.weight.shape[1], np.float32), "cosine", inner.scale)
    if isinstance(inner, ScaledHead) and isinstance(classifier_of(inner.head), nn.Linear):
        return _linear(*inner.linear())
    if isinstance(inner, FixedLinear | nn.Linear):
        return _linear(inner.weight, inner.bias)
    return None


def _linear(weight: Tensor, bias: Tensor | None) -> HeadWeights:
    zeros = torch.zeros(len(weight))
    return HeadWeights(_array(weight), _array(zeros if bias is None else bias), "linear", 1.0)


def _affine(inside: HeadWeights | None, scale: Tensor, shift: Tensor) -> HeadWeights | None:
    if inside is None:
        return None
    factor = float(scale)
    bias = inside.bias * factor + _array(shift)
    if inside.kind == "cosine":
        return inside._replace(bias=bias, scale=inside.scale * factor)
    return inside._replace(weight=inside.weight * factor, bias=bias)


def _array(values: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = values.detach().float().cpu().contiguous().numpy().copy()
    return array
