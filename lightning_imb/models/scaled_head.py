"""A head with a learnable scale for each class, as in learnable weight scaling."""

import torch
from torch import Tensor, nn

from lightning_imb.models.contrastive import classifier_of
from lightning_imb.utils.errors import InputError


class ScaledHead(nn.Module):
    """``s_c * (w_c . z + b_c)``, with the scales s starting at 1: at first the logits of the head inside.

    Args:
        head: Maps embeddings (N, D) to logits (N, K).
        num_classes: K.

    Source:
        Kang et al. 2020, "Decoupling representation and classifier" (arXiv 1910.09217), eq. 5 (LWS); with the bias
        scaled too, as in the released code and in Zhong et al. 2021 (arXiv 2104.00466, MiSLAS).
    """

    def __init__(self, head: nn.Module, num_classes: int) -> None:
        super().__init__()
        self.head = head
        self.scales = nn.Parameter(torch.ones(num_classes))

    def forward(self, z: Tensor) -> Tensor:
        """Logits (N, K) of embeddings (N, D)."""
        logits: Tensor = self.scales * self.head(z)
        return logits

    def linear(self) -> tuple[Tensor, Tensor]:
        """Weight (K, D) and bias (K,) of the linear head that this one equals.

        Raises:
            InputError: If the head inside is not linear.
        """
        inner = classifier_of(self.head)
        if not isinstance(inner, nn.Linear):
            raise InputError(f"a scaled {type(inner).__name__} is no linear head: use model.head=linear")
        return self.scales[:, None] * inner.weight, self.scales * inner.bias
