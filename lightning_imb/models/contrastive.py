"""The head of contrastive losses: a classifier, and beside it what they compare embeddings in."""

from typing import Protocol

import torch.nn.functional as F
from torch import Tensor, nn

from lightning_imb.utils.errors import InputError

PROJECTED = 128  # width of the space in which embeddings are compared


class Classifier(Protocol):
    """A head with one weight vector for each class."""

    @property
    def rows(self) -> Tensor:
        """Those vectors, (K, D)."""

    def __call__(self, z: Tensor) -> Tensor:
        """Logits (N, K) of embeddings (N, D)."""


class ContrastiveHead(nn.Module):
    """A classifier, a projection of the embeddings, and one of the classifier's weights to a centre of each class.

    Both projections are of two layers with batch norm between and end on the unit sphere (Zhu et al. 2022, BCL,
    arXiv 2207.09052, section 4.2). As a head it is the classifier alone: the projections serve the loss of phase 1.

    Args:
        classifier: A linear or a cosine head.
        embed_dim: Width D of the embedding.
    """

    def __init__(self, classifier: nn.Module, embed_dim: int) -> None:
        super().__init__()
        self.classifier = classifier
        self.projection = _projection(embed_dim)
        self.centre_projection = _projection(embed_dim)

    @property
    def phase_1_only(self) -> tuple[nn.Module, ...]:
        """Parts that have no share in the logits, hence get no gradient from a loss of the logits alone."""
        return self.projection, self.centre_projection

    def reset_parameters(self) -> None:
        """Draw all three parts anew."""
        for part in (self.classifier, *self.projection, *self.centre_projection):
            if not isinstance(part, nn.ReLU):
                part.reset_parameters()

    def linear(self) -> tuple[Tensor, Tensor]:
        """Weight (K, D) and bias (K,) of the classifier.

        Raises:
            InputError: If it is not linear.
        """
        if not isinstance(self.classifier, nn.Linear):
            raise InputError(
                f"a contrastive head with a {type(self.classifier).__name__} is no linear head: use model.head=linear"
            )
        return self.classifier.weight, self.classifier.bias

    def project(self, z: Tensor) -> Tensor:
        """Unit vectors (N, 128) of embeddings (N, D); two rows at least while training, for batch norm."""
        return F.normalize(self.projection(z), dim=1)

    def centres(self) -> Tensor:
        """A unit vector (K, 128) for each class."""
        classifier: Classifier = self.classifier  # type: ignore[assignment]
        return F.normalize(self.centre_projection(classifier.rows), dim=1)

    def forward(self, z: Tensor) -> Tensor:
        """Logits (N, K) of embeddings (N, D)."""
        logits: Tensor = self.classifier(z)
        return logits


def classifier_of(head: nn.Module) -> nn.Module:
    """The part of a head that makes its logits: the classifier of a contrastive head, any other head itself."""
    return head.classifier if isinstance(head, ContrastiveHead) else head


def _projection(embed_dim: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(embed_dim, embed_dim),
        nn.BatchNorm1d(embed_dim),
        nn.ReLU(inplace=True),
        nn.Linear(embed_dim, PROJECTED),
    )
