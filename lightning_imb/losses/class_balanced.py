"""The class-balanced losses: effective-number weights on three base losses."""

from collections.abc import Sequence

from torch import Tensor

from lightning_imb.losses.base import ClassCountLoss
from lightning_imb.losses.checks import checked_choice, checked_number
from lightning_imb.losses.cross_entropy import surprise
from lightning_imb.losses.sigmoid_focal import rare_class_bias, sigmoid_focal
from lightning_imb.utils.errors import InputError

BASES = ("softmax", "sigmoid", "focal")


class ClassBalancedLoss(ClassCountLoss):
    r"""A base loss times ``(1 - beta) / (1 - beta^n_y)``, the weights rescaled to sum K.

    Args:
        class_counts: training samples per class, ``(K,)``.
        base: ``softmax`` (cross entropy), ``sigmoid`` (summed binary cross entropy) or ``focal``
            (sigmoid focal, see `SigmoidFocalLoss`).
        gamma: focusing of ``base="focal"``, >= 0; the paper tries .5, 1 and 2.
        weights: ``effective``, the weights that define this loss.
        beta: 0..1; the paper tries .9, .99, .999 and .9999.
        reduction: see `ClassCountLoss`; the paper divides by the batch size, ``mean``.

    Raises:
        InputError: other weights, unknown base, negative gamma, or as `ClassCountLoss`.

    Source:
        Cui et al. 2019, "Class-balanced loss based on effective number of samples" (arXiv 1901.05555),
        sec. 4; richardaecn/class-balanced-loss: src/cifar_main.py.
    """

    def __init__(
        self,
        class_counts: Sequence[int] | Tensor,
        *,
        base: str = "focal",
        gamma: float = 2.0,
        weights: str | Sequence[float] = "effective",
        beta: float = 0.9999,
        reduction: str = "mean",
    ) -> None:
        if weights != "effective":
            raise InputError(
                f"weights is {weights!r}, but the class-balanced loss is defined by weights=effective; "
                "for other weights choose loss ce or focal_sigmoid"
            )
        super().__init__(class_counts, weights=weights, beta=beta, reduction=reduction)
        self._base = checked_choice("base", base, BASES)
        self._gamma = checked_number("gamma", gamma, 0) if base == "focal" else 0.0

    def head_bias(self) -> float | None:
        """``-log(K - 1)`` for the sigmoid bases; None for the softmax."""
        return None if self._base == "softmax" else rare_class_bias(self.num_classes)

    def per_sample(self, logits: Tensor, target: Tensor) -> Tensor:
        """Base loss of each sample, ``(N,)``."""
        if self._base == "softmax":
            return surprise(logits, target)
        return sigmoid_focal(logits, target, self._gamma)
