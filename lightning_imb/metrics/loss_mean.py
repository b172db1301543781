"""The mean loss of all rows of an epoch, over all processes."""

import torch
from torch import Tensor
from torchmetrics import Metric


class LossMean(Metric):
    """Mean of batch losses, each weighted by its rows: batches and ranks need not be of one size.

    Kept on the device in float32 and never read there: torchmetrics' ``MeanMetric`` looks for NaN at every batch, which
    makes the processor wait for an accelerator.
    """

    full_state_update = False

    total: Tensor
    rows: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("total", "rows"):
            self.add_state(name, torch.zeros(()), dist_reduce_fx="sum")

    def update(self, loss: Tensor, rows: int) -> None:
        """Add one batch.

        Args:
            loss: mean over its rows, scalar.
            rows: number of its rows, >= 1.
        """
        self.total += loss.detach().float() * rows
        self.rows += rows

    def compute(self) -> Tensor:
        """Mean over all rows, scalar."""
        return self.total / self.rows
