"""What every loss of a regression shares: weights by target bin, reduction, and what is learnt beside the network."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from lightning_imb.losses.regression.target_weights import TargetWeights
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.target_bins import TargetSample, bin_of


class RegressionLoss(nn.Module, ABC):
    r"""A loss of numbers that knows the targets of the training samples.

    A subclass states `per_sample`, the unweighted loss ``l_i``. The value of a batch is ``sum_i w_b(i) l_i / N`` with
    the weight of the bin of each target, 1 unless `weigh` is told otherwise.

    All buffers are non-persistent: a checkpoint holds the network, never the loss.

    Args:
        targets: All that reach the loss, at least one.

    Raises:
        InputError: No target, or one that is not finite.
    """

    weighs: ClassVar[bool] = True
    """Whether weights of samples mean something; False for losses that balance the targets by themselves."""
    min_batch: ClassVar[int] = 1
    """Samples that a batch must hold to have a gradient."""

    noise_lr_factor: float = 1.0
    """Learning rate of `noise_parameters` over that of the network."""

    inner: Tensor
    bin_weight: Tensor

    def __init__(self, targets: TargetSample) -> None:
        super().__init__()
        self._targets = _checked(targets)
        self._scheme: TargetWeights | None = None
        self._make_weights()

    def learn_targets(self, targets: TargetSample) -> None:
        """Learn what reaches the loss from now on; weights, and the prior of losses that have one, follow.

        Args:
            targets: All of them, at least one, for instance those of a balanced set.

        Raises:
            InputError: As the constructor.
        """
        self._targets = _checked(targets)
        self._make_weights()

    def weigh(self, scheme: TargetWeights | None) -> None:
        """Weigh samples by their target bins, now and for targets still to be learnt.

        Args:
            scheme: How weights follow from targets; None, or one of ``base="none"``, for no weights.

        Raises:
            InputError: Weights for a loss to which they mean nothing.
        """
        if scheme is not None and scheme.base != "none" and not self.weighs:
            raise InputError(
                f"{type(self).__name__} balances the targets by itself but got weights of {scheme.base} frequency; "
                "set target_weights=none, or choose loss=mse, l1, huber or focal_r"
            )
        self._scheme = scheme
        self._make_weights()

    def begin_epoch(self, epoch: int, epochs: int) -> None:
        """Learn how far training has come; a schedule of the loss is a function of these two numbers alone.

        Args:
            epoch: The epoch that begins, 0-based.
            epochs: Of the whole fit.
        """

    def state(self) -> dict[str, Tensor]:
        """What the loss learnt from the batches so far and a resumed fit needs; empty for most losses."""
        return {}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state` returned."""

    def noise_parameters(self) -> list[nn.Parameter]:
        """What the optimizer of the network trains in a group of its own; the group takes no weight decay."""
        return []

    def from_embeddings(self, head: nn.Module, z: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Loss of a batch through its head.

        Args:
            head: Maps embeddings to ``(N, 1)``.
            z: Embeddings ``(N, D)``, at least float32.
            target: ``(N,)``.

        Returns:
            The loss, a scalar, and the predictions ``(N,)``.
        """
        predictions: Tensor = head(z).squeeze(1)
        return self(predictions, target), predictions

    @abstractmethod
    def per_sample(self, predictions: Tensor, target: Tensor) -> Tensor:
        """Unweighted loss of each sample.

        Args:
            predictions: ``(N,)``, at least float32.
            target: ``(N,)``, of the same type.

        Returns:
            ``(N,)``.
        """

    def forward(self, predictions: Tensor, target: Tensor) -> Tensor:
        """Loss of a batch.

        Args:
            predictions: ``(N,)``; half precision is raised to float32 first.
            target: ``(N,)``, of any floating type.

        Returns:
            Scalar, float32 (float64 for float64 predictions).

        Raises:
            InputError: Shapes or types that do not fit together.
        """
        _check_batch(predictions, target)
        dtype = torch.promote_types(predictions.dtype, torch.float32)
        losses = self.per_sample(predictions.to(dtype), target.to(dtype))
        if not self._unweighted:
            losses = self.weight_of(target).to(dtype) * losses
        return losses.mean()

    def weight_of(self, target: Tensor) -> Tensor:
        """Weight of each sample ``(N,)`` by its target ``(N,)``."""
        return self.bin_weight.index_select(0, bin_of(target, self.inner))

    def keep(self, name: str, values: ArrayLike) -> None:
        """Set a float32 buffer that no checkpoint holds, on the device of the one that it replaces."""
        old = self._buffers.get(name)
        device = None if old is None else old.device
        kept = torch.as_tensor(np.asarray(values), dtype=torch.float32, device=device)
        self.register_buffer(name, kept, persistent=False)

    def _make_weights(self) -> None:
        bins, weight = self._targets.bins, np.ones(len(self._targets.bins))
        if self._scheme is not None:
            bins, weight = self._scheme.weights(self._targets)
        self.keep("inner", bins.inner)
        self.keep("bin_weight", weight)
        self._unweighted = bool((weight == 1).all())  # asked once, not in every step


def _checked(targets: TargetSample) -> TargetSample:
    if targets.values.ndim != 1 or len(targets.values) == 0:
        raise InputError(f"targets have shape {targets.values.shape}; give one number for each training sample")
    strange = targets.values[~np.isfinite(targets.values)]
    if len(strange):
        raise InputError(f"{len(strange)} targets are not finite, the first {strange[0]}; leave these samples out")
    return targets


def _check_batch(predictions: Tensor, target: Tensor) -> None:
    """Shapes and types only: looking at values would stall an accelerator."""
    fits = predictions.ndim == 1 and predictions.shape == target.shape
    if not (fits and predictions.is_floating_point() and target.is_floating_point()):
        raise InputError(
            f"predictions have shape {tuple(predictions.shape)} and type {predictions.dtype}, targets "
            f"{tuple(target.shape)} and {target.dtype}; give one floating number (N,) per sample for both"
        )
