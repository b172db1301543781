"""What happens to embeddings before a retrained head sees them."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightning_imb.utils.checked import checked_flag, checked_number


class EmbeddingTransform(nn.Module):
    """Unit length, then Tukey's ladder of powers ``x^tukey``, which makes skewed features more Gaussian.

    Negative features, which a network without a last ReLU has, keep their sign: ``sign(x) |x|^tukey``.

    Args:
        normalize: Whether embeddings are divided by their length.
        tukey: Power, above 0 and at most 1; 1 leaves them as they are.

    Raises:
        InputError: A power out of range.

    Source:
        Vigneswaran et al. 2021, "Feature generation for long-tail classification" (arXiv 2111.05956), eq. 3.
    """

    def __init__(self, normalize: bool, tukey: float) -> None:
        super().__init__()
        self.normalize = checked_flag("retrain.normalize", normalize)
        self.tukey = checked_number("retrain.tukey", tukey, 1e-3, 1)

    def forward(self, z: Tensor) -> Tensor:
        """Transform embeddings (N, D)."""
        if self.normalize:
            z = F.normalize(z, dim=1)
        return z if self.tukey == 1 else _signed_power(z, self.tukey)


def _signed_power(z: Tensor, exponent: float) -> Tensor:
    """``sign(z) |z|^exponent`` for exponents below 1, whose slope at 0 is infinite: taken for 0 there."""
    zero = z.abs() < torch.finfo(z.dtype).tiny
    powered: Tensor = z.sign() * z.abs().masked_fill(zero, 1).pow(exponent)
    return powered.masked_fill(zero, 0)
