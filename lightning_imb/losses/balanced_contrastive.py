"""Balanced contrastive learning: logit-adjusted cross entropy and a contrastive loss in which classes count alike."""

from collections.abc import Sequence
from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from lightning_imb.losses.checks import checked_number, checked_positive
from lightning_imb.losses.logit_adjustment import UNIFORM, LogitAdjustmentLoss
from lightning_imb.utils.errors import InputError


@runtime_checkable
class Projecting(Protocol):
    """A head with a space in which embeddings are compared with each other and with a centre of each class."""

    def project(self, z: Tensor) -> Tensor:
        """Unit vectors ``(N, P)`` of embeddings ``(N, D)``."""

    def centres(self) -> Tensor:
        """A unit vector of each class, ``(K, P)``."""


class BalancedContrastiveLoss(LogitAdjustmentLoss):
    r"""BCL: ``CE(z + log pi)`` of the first view plus ``contrast`` times `balanced_contrast` of two views.

    A batch holds N images twice, augmented anew: the embeddings of the first view, then those of the second. The paper
    takes a third view for the classifier and augments the others more strongly; here both views are draws of the one
    augmentation that the data are configured with, and the classifier learns from the first.

    Without a second view, as in phase 3, where the embeddings are fixed, the loss is the cross entropy alone. Class
    weights act on it alone. Under DDP the contrastive term is that of each process's own batch, as in the released
    code.

    Args:
        class_counts: training samples per class, ``(K,)``.
        contrast: weight of the contrastive term, >= 0.
        temperature: of the similarities, > 0.
        weights: see `ClassCountLoss`.
        beta: see `ClassCountLoss`.
        reduction: see `ClassCountLoss`; of the cross entropy.

    Raises:
        InputError: an option out of range, mixed labels, or as `ClassCountLoss`.

    Source:
        Zhu et al. 2022, "Balanced contrastive learning for long-tailed visual recognition" (arXiv 2207.09052),
        section 4; FlamieZhu/Balanced-Contrastive-Learning: loss/contrastive.py, and the defaults of its main.py.
    """

    required_head: ClassVar[str | None] = "contrastive"
    hard_labels_only: ClassVar[bool] = True
    views: ClassVar[int] = 2

    def __init__(
        self,
        class_counts: Sequence[int] | Tensor,
        *,
        contrast: float = 0.35,
        temperature: float = 0.07,
        weights: str | Sequence[float] = "none",
        beta: float = 0.9999,
        reduction: str = "weighted_mean",
    ) -> None:
        super().__init__(class_counts, tau=1.0, target_prior=UNIFORM, weights=weights, beta=beta, reduction=reduction)
        self._contrast = checked_number("contrast", contrast, 0)
        self._temperature = checked_positive("temperature", temperature)

    def from_embeddings(self, head: nn.Module, z: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Loss of N targets by ``(2 N, D)`` embeddings, or ``(N, D)`` without a second view; logits of the first."""
        value, logits = super().from_embeddings(head, z[: len(target)], target)
        if len(z) == len(target):
            return value, logits
        if len(z) != 2 * len(target):
            raise InputError(f"{len(target)} images have {len(z)} embeddings; give one or two views of each")
        if not isinstance(head, Projecting):
            raise InputError(f"two views need a head with projections, not {type(head).__name__}: use model.head=auto")
        contrast = balanced_contrast(head.project(z), target.repeat(2), head.centres(), self._temperature)
        return value + self._contrast * contrast, logits


def balanced_contrast(features: Tensor, target: Tensor, centres: Tensor, temperature: float) -> Tensor:
    r"""Supervised contrastive loss in which every class of the denominator counts by its mean.

    For an anchor i among M features, beside which each class has its centre, ``s_ik`` the similarity of i and k
    divided by the temperature and ``n_c`` the vectors of class c, centre included:

        loss_i = mean over k of the class of i, k != i, of  log(sum over j != i of exp(s_ij) / m_j) - s_ik

    with ``m_j = n_{y_j}``, one less for the class of i, which gives i itself away. The centre makes every class appear
    in every batch, so that no anchor is without a positive.

    Args:
        features: ``(M, P)`` unit vectors.
        target: ``(M,)`` labels of theirs.
        centres: ``(K, P)`` unit vectors.
        temperature: > 0.

    Returns:
        Mean over the anchors, a scalar.

    Source:
        Zhu et al. 2022 (arXiv 2207.09052), eq. 8: class averaging and class complement.
    """
    labels = torch.cat([target, torch.arange(len(centres), device=target.device)])
    similar = features @ torch.cat([features, centres]).T / temperature
    same = target.unsqueeze(1) == labels
    itself = torch.zeros_like(same)
    itself.fill_diagonal_(True)
    size = torch.zeros_like(centres[:, 0]).index_add(0, labels, torch.ones_like(similar[0]))[labels]
    positive = (same & ~itself).to(similar.dtype)
    below = (similar - (size - positive).log()).masked_fill(itself, -torch.inf).logsumexp(dim=1)
    return (below - (positive * similar).sum(dim=1) / positive.sum(dim=1)).mean()
