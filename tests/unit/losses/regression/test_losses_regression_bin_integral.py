"""The integral under a histogram stays right for predictions far outside of it and for noise of any size."""

import math

import pytest
import torch
from scipy.special import log_ndtr

from lightning_imb.losses.regression.bin_integral import log_integral_relative

LOW, HIGH, DENSITY = [1.0, 2.0, 4.0], [2.0, 4.0, 4.5], [0.3, 0.25, 0.4]
Y = 3.1
FAR = [-1e4, -30.0, 0.9, 1.0, 1.3, 2.0, 3.7, 4.5, 4.6, 9.0, 60.0, 1e4]


def relative(predictions, s, dtype):
    edges = [torch.tensor(values, dtype=dtype) for values in (LOW, HIGH)]
    log_density = torch.tensor(DENSITY, dtype=dtype).log()
    target = torch.full_like(predictions, Y)
    return 2 * s**2 * log_integral_relative(predictions, target, *edges, log_density, torch.tensor(s**2, dtype=dtype))


def log_mass(low, high, yhat, s):
    """``ln(Phi(b) - Phi(a))`` from the tail that both ends lie in."""
    a, b = (low - yhat) / s, (high - yhat) / s
    near, far = (b, a) if a + b < 0 else (-a, -b)
    return log_ndtr(near) + math.log(-math.expm1(log_ndtr(far) - log_ndtr(near)))


def written_out(yhat, s):
    terms = [math.log(p) + log_mass(a, b, yhat, s) for a, b, p in zip(LOW, HIGH, DENSITY, strict=True)]
    top = max(terms)
    prior = top + math.log(sum(math.exp(term - top) for term in terms))
    return 2 * s**2 * ((Y - yhat) ** 2 / (2 * s**2) + math.log(math.sqrt(2 * math.pi) * s) + prior)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-6), (torch.float32, 1e-4)])
@pytest.mark.parametrize("s", [0.01, 0.2, 3.0])
def test_value_and_gradient_at_any_distance(s, dtype, tolerance):
    predictions = torch.tensor(FAR, dtype=dtype, requires_grad=True)
    values = relative(predictions, s, dtype)
    expected = [written_out(yhat, s) for yhat in predictions.tolist()]
    assert values.tolist() == pytest.approx(expected, rel=tolerance, abs=tolerance)
    (slopes,) = torch.autograd.grad(values.sum(), predictions)
    # 2 (E[y'] - y): the outermost edge where the prediction is far outside
    assert slopes[[0, -1]].tolist() == pytest.approx([2 * (1 - Y), 2 * (4.5 - Y)], abs=0.01)


def test_gradient_is_that_of_the_value():
    predictions = torch.tensor([-8.0, 0.99, 2.5, 3.999, 12.0], dtype=torch.float64, requires_grad=True)
    for s in (0.05, 0.5, 5.0):
        assert torch.autograd.gradcheck(lambda x, s=s: relative(x, s, torch.float64), predictions, atol=1e-5)


@pytest.mark.parametrize("s", [1e-6, 1e-3, 1e3, 1e6])
def test_absurd_noise_is_finite(s):
    predictions = torch.tensor([*FAR, -1e6, 1e6], requires_grad=True)
    values = relative(predictions, s, torch.float32)
    (slopes,) = torch.autograd.grad(values.sum(), predictions)
    assert torch.isfinite(values).all()
    assert torch.isfinite(slopes).all()
