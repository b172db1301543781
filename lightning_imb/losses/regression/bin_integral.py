"""The integral of Balanced MSE under a histogram, bin by bin in closed form."""

import math

import torch
from torch import Tensor


def log_integral_relative(
    predictions: Tensor, target: Tensor, low: Tensor, high: Tensor, log_density: Tensor, variance: Tensor
) -> Tensor:
    r"""``-ln N(y; yhat, s^2) + ln sum_b p_b int_low^high N(y'; yhat, s^2) dy'`` for a density constant in each bin.

    Nothing large is subtracted from anything large: a bin that the prediction lies outside of is integrated from its
    nearer edge n on, and only ``(yhat - y)^2 - (yhat - n)^2``, multiplied out, goes into the exponent. So the value
    and its gradient are right for predictions far outside all bins too. In float32 they lose digits where s is
    hundreds of bins wide.

    Args:
        predictions: yhat, ``(N,)``.
        target: y, ``(N,)``.
        low: Lower edges, ``(B,)``.
        high: Upper edges, ``(B,)``, above the lower ones.
        log_density: ``ln p_b``, ``(B,)``.
        variance: ``s^2``, a scalar.

    Returns:
        ``(N,)``.
    """
    prediction, own = predictions.unsqueeze(1), target.unsqueeze(1)
    nearest = torch.maximum(torch.minimum(prediction, high), low)
    nearer = (own - nearest) * (own + nearest - 2 * prediction)  # (yhat - y)^2 - (yhat - nearest)^2
    unit = (2 * variance).sqrt()
    mass = _scaled_mass((prediction - low) / unit, (high - prediction) / unit)
    terms = log_density + nearer / (2 * variance) + mass.log()
    return terms.logsumexp(dim=1) + (math.pi / 2 * variance).log() / 2


def _scaled_mass(above_low: Tensor, below_high: Tensor) -> Tensor:
    """``2 / sqrt(pi) int exp(p^2 - t^2) dt`` over a bin, p its distance from 0; one of the two is < 0 outside it."""
    inside = above_low.erf() + below_high.erf()
    # 0 inside: the branch that is not taken has a gradient too, and must not overflow
    near = (-torch.minimum(above_low, below_high)).clamp_min(0)
    far = torch.maximum(above_low, below_high)
    outside = torch.special.erfcx(near) - (-(far - near) * (far + near)).exp() * torch.special.erfcx(far)
    mass = torch.where(near > 0, outside, inside)
    return mass.clamp_min(torch.finfo(mass.dtype).tiny)  # bins far narrower than s round to none
