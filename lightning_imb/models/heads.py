"""Heads: embeddings (N, D) to logits (N, K), or to one number each (N, 1)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightning_imb.models.contrastive import ContrastiveHead
from lightning_imb.models.experts import ExpertHead
from lightning_imb.utils.checked import checked_flag
from lightning_imb.utils.errors import InputError


class LinearHead(nn.Linear):
    """``z W^T + b``.

    Args:
        embed_dim: Width D of the embedding.
        num_classes: K.
        init: ``kaiming_normal`` as in the LDAM-DRW recipe (Cao et al. 2019), or ``default`` (PyTorch's).
    """

    def __init__(self, embed_dim: int, num_classes: int, init: str) -> None:
        if init not in ("default", "kaiming_normal"):
            raise InputError(f"model.head_init is 'default' or 'kaiming_normal', not '{init}'")
        super().__init__(embed_dim, num_classes)
        if init == "kaiming_normal":
            nn.init.kaiming_normal_(self.weight)

    @property
    def rows(self) -> Tensor:
        """The weight vector of each class, (K, D)."""
        return self.weight


class CosineHead(nn.Module):
    """``scale * cos(z, w_c)``, without bias; the head that LDAM needs (Cao et al. 2019, ``NormedLinear``).

    The scale belongs to the head, so that its logits are calibrated wherever they are read.

    Args:
        embed_dim: Width D of the embedding.
        num_classes: K.
        scale: Multiplier s of the cosines, > 0; 30 in the LDAM paper.
    """

    def __init__(self, embed_dim: int, num_classes: int, scale: float) -> None:
        super().__init__()
        if scale <= 0:
            raise InputError(f"model.head_scale must be positive, not {scale}")
        self.scale = scale
        self.weight = nn.Parameter(torch.empty(embed_dim, num_classes))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights: unit-norm columns, uniform directions in the cube, as released with LDAM-DRW."""
        with torch.no_grad():
            self.weight.uniform_(-1, 1).renorm_(2, 1, 1e-5).mul_(1e5)

    @property
    def rows(self) -> Tensor:
        """The weight vector of each class, (K, D), of whatever length."""
        return self.weight.T

    def forward(self, z: Tensor) -> Tensor:
        """Logits (N, K) of embeddings (N, D)."""
        return self.scale * (F.normalize(z, dim=1) @ F.normalize(self.weight, dim=0))


class RegressionHead(nn.Linear):
    """``centre + spread * (z w + b)``: one number for each row, (N, 1).

    Args:
        embed_dim: Width D of the embedding.
        bias: Whether there is a b; without it, a centre, and biases in the extractor, ``f(a x) = a f(x)`` can hold.
        centre: What the number counts from, such as the mean of the training targets. Kept with the weights.
        spread: What it counts in, > 0, such as their standard deviation. Kept with the weights.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, embed_dim: int, bias: bool, centre: float = 0.0, spread: float = 1.0) -> None:
        super().__init__(embed_dim, 1, bias=checked_flag("model.head_bias", bias))
        self.register_buffer("centre", torch.tensor(centre, dtype=torch.float32))
        self.register_buffer("spread", torch.tensor(spread, dtype=torch.float32))

    def forward(self, z: Tensor) -> Tensor:
        """Numbers (N, 1) of embeddings (N, D)."""
        return self.centre + self.spread * super().forward(z)


def build_head(
    kind: str, required: str | None, embed_dim: int, num_classes: int, scale: float, init: str, experts: int = 1
) -> nn.Module:
    """The head a config asks for, or the one its loss needs.

    Args:
        kind: ``auto`` (what the loss needs, else linear), ``linear`` or ``cosine``.
        required: The head the loss cannot do without, ``linear``, ``cosine`` or ``contrastive`` (a classifier of either
            kind with projections), or None.
        embed_dim: Width of the embedding, of all experts together.
        num_classes: K.
        scale: Scale of a cosine head.
        init: Start of a linear head.
        experts: More than 1: as many heads, each on its part of the embedding.

    Raises:
        InputError: If ``kind`` is unknown or contradicts the loss, or the loss cannot have several experts.
    """
    if kind not in ("auto", "linear", "cosine"):
        raise InputError(f"model.head is 'auto', 'linear' or 'cosine', not '{kind}'")
    if required == "contrastive":
        if experts > 1:
            raise InputError(
                f"this loss compares the embeddings of one network, but model.experts={experts}: use model.experts=1"
            )
        return ContrastiveHead(_classifier(kind, embed_dim, num_classes, scale, init), embed_dim)
    if required and kind not in ("auto", required):
        raise InputError(f"this loss needs a {required} head, but model.head={kind}: use model.head={required} or auto")
    kind, width = required or kind, embed_dim // experts
    if experts == 1:
        return _classifier(kind, width, num_classes, scale, init)
    return ExpertHead([_classifier(kind, width, num_classes, scale, init) for _ in range(experts)])


def _classifier(kind: str, embed_dim: int, num_classes: int, scale: float, init: str) -> nn.Module:
    if kind == "cosine":
        return CosineHead(embed_dim, num_classes, scale)
    return LinearHead(embed_dim, num_classes, init)


def linear_heads(head: nn.Module) -> list[LinearHead]:
    """The linear heads that a head is made of: itself, those of experts, or the classifier among other layers."""
    return [part for part in head.modules() if isinstance(part, LinearHead)]


def start_bias(head: nn.Module, bias: float | None) -> None:
    """Begin with this bias in every linear head; None leaves them as they are."""
    if bias is not None:
        for linear in linear_heads(head):
            nn.init.constant_(linear.bias, bias)


def exact(z: Tensor) -> Tensor:
    """Embeddings as heads read them: at least float32."""
    return z.to(torch.promote_types(z.dtype, torch.float32))


def draw_anew(head: nn.Module) -> None:
    """Give a head new weights by its own ``reset_parameters``.

    Raises:
        InputError: If the head has no such method.
    """
    reset = getattr(head, "reset_parameters", None)
    if not callable(reset):
        raise InputError(f"{type(head).__name__} has no reset_parameters: use retrain.reset_head=false")
    reset()
