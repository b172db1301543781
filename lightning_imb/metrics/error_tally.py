"""Sums of errors per target bin, batch by batch."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics import Metric

from lightning_imb.metrics.errors import FLOOR, BinSums, summed_scores
from lightning_imb.utils.target_bins import TargetBins, bin_of


class ErrorTally(Metric):
    """Adds up errors per target bin on the device of the batch, and never waits for it.

    An error that is not a number spoils the sums of its bin and of all bins together, and no other bin's.

    Args:
        bins: B intervals of the target; a sample counts where its target in the batch lies.
        floor: As in `lightning_imb.metrics.errors.bin_sums`.
    """

    full_state_update = False

    inner: Tensor
    sums: Tensor
    excess: Tensor

    def __init__(self, bins: TargetBins, floor: float = FLOOR) -> None:
        super().__init__()
        self.floor = floor
        self.register_buffer("inner", torch.from_numpy(bins.inner), persistent=False)
        for name in ("sums", "excess"):
            self.add_state(name, torch.zeros(len(BinSums._fields), len(bins)), dist_reduce_fx="sum")

    def update(self, predictions: Tensor, targets: Tensor) -> None:
        """Add one batch.

        Args:
            predictions: ``(N,)``.
            targets: ``(N,)``.
        """
        errors = (predictions.detach() - targets).float()
        size = errors.abs()
        parts = torch.stack([torch.ones_like(errors), size.square(), size, size.clamp_min(self.floor).log(), errors])
        index = torch.arange(self.sums.shape[1], device=targets.device)
        members = bin_of(targets, self.inner) == index[:, None]
        # a masked sum adds in the same order every time, and no autocast or TF32 rounds it as it would a product
        self._add(torch.where(members, parts[:, None], 0).sum(dim=2))

    def compute(self) -> Tensor:
        """``(5, B)`` float32: sums in the order of `BinSums`."""
        return self.sums - self.excess

    def scores(self, train_counts: Sequence[int]) -> dict[str, float]:
        """As `lightning_imb.metrics.errors.summed_scores`, of the samples of all processes.

        Args:
            train_counts: ``(B,)`` training samples per bin.
        """
        return summed_scores(BinSums(*self.compute().cpu().double().numpy()), train_counts)

    def _add(self, batch: Tensor) -> None:
        """Kahan's summation: float64, which not every accelerator has, is not needed for a million samples."""
        corrected = batch - self.excess
        total = self.sums + corrected
        self.excess = (total - self.sums) - corrected
        self.sums = total
