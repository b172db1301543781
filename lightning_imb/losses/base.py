"""What every loss shares: class counts, class weights, reduction and soft targets."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from lightning_imb.losses.checks import checked_choice, checked_counts, checked_number, checked_weights
from lightning_imb.losses.targets import labels_and_shares
from lightning_imb.losses.weights import KINDS, class_weights
from lightning_imb.utils.errors import InputError

REDUCTIONS = ("weighted_mean", "mean")


class ClassCountLoss(nn.Module, ABC):
    r"""A classification loss that knows how many training samples each class has.

    A subclass states `per_sample`, the unweighted loss ``l(z, y)`` of hard labels. With class weights
    ``w`` and target shares ``q`` (one-hot for hard labels) the value is

    * ``weighted_mean``: ``sum_ic q_ic w_c l(z_i, c) / sum_ic q_ic w_c``
    * ``mean``: ``sum_ic q_ic w_c l(z_i, c) / N``

    The two differ whenever the classes of a batch do not carry their weights' mean. A soft target is the
    mixture of the losses of its classes, which is how mixup is defined and stays right for losses whose
    margin or focusing depends on the label. It costs as many hard losses as the fullest row has classes.

    Counts and weights are non-persistent buffers: a checkpoint holds the network, never the loss.

    Args:
        class_counts: samples per class that reach the loss (after profile and validation split), ``(K,)``.
        weights: ``none``, ``inverse``, ``inverse_sqrt``, ``effective``, ``auto`` (= ``inverse``), each rescaled
            to sum K, or K finite numbers >= 0 that are used as given.
        beta: 0..1, read by ``weights="effective"`` only.
        reduction: ``weighted_mean`` or ``mean``. Of several processes (DDP) each divides by the weights of its own
            rows, as with `torch.nn.CrossEntropyLoss`: only ``mean`` is then that of the whole batch.

    Raises:
        InputError: fewer than two classes, an empty class, or an unusable option.

    Source:
        ``weighted_mean`` as `torch.nn.CrossEntropyLoss` and the code of Cao et al. 2019 (arXiv 1906.07413);
        ``mean`` as Cui et al. 2019 (arXiv 1901.05555).
    """

    required_head: ClassVar[str | None] = None
    """Name of the only kind of head whose logits this loss can read; None for any."""
    hard_labels_only: ClassVar[bool] = False
    """Whether the loss has no meaning for soft targets, so that labels must not be mixed."""
    draws: ClassVar[bool] = False
    """Whether the loss draws from torch's global generator, which training seeds by the batch."""
    views: ClassVar[int] = 1
    """How often a batch holds each image, augmented anew each time: all images first, then all of them again."""

    class_counts: Tensor
    class_weight: Tensor

    def __init__(
        self,
        class_counts: Sequence[int] | Tensor,
        *,
        weights: str | Sequence[float],
        beta: float,
        reduction: str,
    ) -> None:
        super().__init__()
        counts = checked_counts(class_counts)
        self._weights, self._beta = weights, beta
        self._initial_weight = _initial_weight(counts, weights, beta)
        self._reduction = checked_choice("reduction", reduction, REDUCTIONS)
        self.register_buffer("class_counts", counts, persistent=False)
        self.register_buffer("class_weight", self._initial_weight.to(torch.float32), persistent=False)
        self._unweighted = _all_ones(self._initial_weight)

    @property
    def num_classes(self) -> int:
        """K."""
        return self.class_counts.numel()

    def head_bias(self) -> float | None:
        """Value the head's bias should start from; None leaves the head as it is."""
        return None

    def set_class_weight(self, weight: Tensor | Sequence[float] | None) -> None:
        """Replace the class weights, for instance on a schedule.

        Args:
            weight: K finite numbers >= 0, used as given; None goes back to the weights of the constructor.

        Raises:
            InputError: wrong length or an unusable value.
        """
        new = self._initial_weight if weight is None else checked_weights(weight, self.num_classes)
        self.class_weight = new.to(device=self.class_weight.device, dtype=self.class_weight.dtype)
        self._unweighted = _all_ones(new)

    def weigh_for(self, class_counts: Sequence[int] | Tensor) -> None:
        """Make class weights of a named kind for other samples than those of the constructor.

        Weights compensate for the samples that reach the loss, as does a prior that a loss takes out of the logits: on
        a balanced set all weights are 1. Weights given as a list stay, and so do margins and the like.

        Args:
            class_counts: samples per class that reach the loss from now on, ``(K,)``, each >= 1.
        """
        if isinstance(self._weights, str):
            self.set_class_weight(class_weights(class_counts, self._weights, self._beta))

    @property
    def acting_weight(self) -> Tensor:
        """Class weights of now, ``(K,)``: all ones while a schedule of the loss holds its weights back."""
        return self.class_weight

    def weighted_counts(self, class_counts: Sequence[int] | Tensor) -> Tensor:
        """Samples per class as the loss counts them: a weight is as good as so many times the samples.

        Exact for ``reduction="mean"``; a ``weighted_mean`` of small batches lessens large weights.

        Args:
            class_counts: samples per class that reached the loss, ``(K,)``, each >= 1.

        Returns:
            ``(K,)`` float64 on the CPU; 0 for a class of weight 0.
        """
        return checked_counts(class_counts) * self.acting_weight.cpu().to(torch.float64)

    def prior_left(self, class_counts: Sequence[int] | Tensor) -> Tensor:
        """Log of the class shares that plain logits predict for after training: what the loss leaves of the prior.

        Args:
            class_counts: samples per class that reached the loss, ``(K,)``; its class weights are accounted for where
                these are `weighted_counts`.

        Returns:
            ``(K,)`` float64 on the CPU, up to a constant.
        """
        counts = torch.as_tensor(class_counts, dtype=torch.float64)
        return (counts / counts.sum()).log()

    def begin_epoch(self, epoch: int, epochs: int) -> None:
        """Learn how far training has come; a schedule of the loss is a function of these two numbers alone.

        A loss that is told of no epoch is that of the end: phase 3 begins where the schedules of phase 1 ended.

        Args:
            epoch: the epoch that begins, 0-based.
            epochs: of the whole fit.
        """

    def separate_samples(self) -> None:
        """Make the value of a batch the plain mean of what each sample adds to it, for who asks what that is.

        Samples are weighted as before; what belongs to a batch and to none of its samples is left out from now on.
        """
        self._reduction = "mean"

    def state(self) -> dict[str, Tensor]:
        """What the loss learnt from the batches so far and a resumed fit needs; empty for most losses."""
        return {}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state` returned."""

    def from_embeddings(self, head: nn.Module, z: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Loss of a batch through its head; losses override it that read more than logits.

        Args:
            head: maps embeddings to logits.
            z: embeddings ``(N, D)``, at least float32; ``(views * N, D)`` where a loss has several views.
            target: ``(N,)`` labels or ``(N, K)`` shares.

        Returns:
            The loss, a scalar, and the logits ``(N, K)`` that predict.
        """
        logits: Tensor = head(z)
        return self(logits, target), logits

    @property
    def required_scale(self) -> float | None:
        """Scale of the cosines that the loss is made for; None for any."""
        return None

    @abstractmethod
    def per_sample(self, logits: Tensor, target: Tensor) -> Tensor:
        """Unweighted loss of each sample.

        Args:
            logits: ``(N, K)``, at least float32.
            target: ``(N,)`` int64 in 0..K-1.

        Returns:
            ``(N,)``.
        """

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """Loss of a batch.

        Args:
            logits: ``(N, K)``; half precision is raised to float32 first.
            target: ``(N,)`` int64 labels, or ``(N, K)`` floating shares whose rows sum to 1.

        Returns:
            Scalar, float32 (float64 for float64 logits).

        Raises:
            InputError: shapes or types that do not fit together, or shares where only labels have a meaning.
        """
        return self._value(self._checked(logits, target), target)

    def _checked(self, logits: Tensor, target: Tensor) -> Tensor:
        """The logits, at least float32, of a batch whose shapes and types fit."""
        self._check_batch(logits, target)
        return logits.to(torch.promote_types(logits.dtype, torch.float32))

    def _value(self, logits: Tensor, target: Tensor) -> Tensor:
        """Loss of a checked batch; overridden by losses that are more than a mixture of `per_sample`."""
        return self._mixture(logits, target, self.per_sample)

    def _mixture(self, logits: Tensor, target: Tensor, loss: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Weighted mixture of the losses of all labels; ``loss`` maps logits and hard labels to ``(N,)``."""
        if self._unweighted and target.ndim == 1:
            return loss(logits, target).mean()
        labels, shares = labels_and_shares(logits, target)
        losses = torch.stack([loss(logits, column) for column in labels.unbind(1)], dim=1)
        mass = shares * self.class_weight.to(logits.dtype).index_select(0, labels.flatten()).view_as(labels)
        return self._reduced((mass * losses).sum(), mass)

    def _reduced(self, total: Tensor, mass: Tensor) -> Tensor:
        """Value of a batch from the sum of its weighted losses and its weights, ``(N,)`` or ``(N, m)``."""
        if self._reduction == "mean":
            return total / len(mass)
        # a batch of nothing but zero-weight classes has nothing to teach: 0 with zero gradient, not 0/0
        return total / mass.sum().clamp_min(torch.finfo(mass.dtype).tiny)

    def _check_batch(self, logits: Tensor, target: Tensor) -> None:
        """Shapes and types only: looking at values would stall an accelerator."""
        if logits.ndim != 2 or logits.shape[1] != self.num_classes:
            raise InputError(
                f"logits have shape {tuple(logits.shape)} but the loss knows {self.num_classes} classes; "
                "build head and loss from the same class counts"
            )
        hard = target.shape == logits.shape[:1] and target.dtype == torch.int64
        soft = target.shape == logits.shape and target.is_floating_point()
        if not hard and not soft:
            raise InputError(
                f"target has shape {tuple(target.shape)} and type {target.dtype}; "
                "give (N,) int64 labels or (N, K) floating shares"
            )
        if soft and self.hard_labels_only:
            raise InputError(
                f"{type(self).__name__} has no meaning for soft targets but got shares {tuple(target.shape)}; "
                "set mix=none, or choose another loss"
            )


def _all_ones(weight: Tensor) -> bool:
    """Whether weighting changes nothing, neither the mass of a batch; asked once, not in every step."""
    return bool((weight == 1).all())


def _initial_weight(counts: Tensor, weights: str | Sequence[float], beta: float) -> Tensor:
    checked_number("beta", beta, 0, 1)  # a wrong beta is an error whether or not it is read
    if isinstance(weights, str):
        return class_weights(counts, checked_choice("weights", weights, KINDS), beta)
    return checked_weights(weights, len(counts))
