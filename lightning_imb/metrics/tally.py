"""Counts of each class over an evaluation set, in memory that grows with K and not with K * K."""

import torch
from torch import Tensor
from torchmetrics import Metric

from lightning_imb.metrics.confusion import ClassRates, rates


class ClassTally(Metric):
    """Counts right answers, samples and predictions of each class, batch by batch.

    A confusion matrix of 8,142 classes takes half a gigabyte and its update a quarter of a second; the scores
    need nothing of it but the diagonal and the two margins, which are kept here. Counting stays on the device of
    the batch and never waits for it. Labels outside 0..K-1 are not looked for: they are an index error of torch.

    Args:
        num_classes: K.
    """

    full_state_update = False

    hits: Tensor
    support: Tensor
    predicted: Tensor

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        for name in ("hits", "support", "predicted"):
            self.add_state(name, torch.zeros(num_classes, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, predicted: Tensor, target: Tensor) -> None:
        """Count one batch.

        Args:
            predicted: classes that were predicted, ``(N,)`` int64.
            target: true classes, ``(N,)`` int64.
        """
        # not bincount, which has to wait for the largest label on an accelerator
        ones = torch.ones_like(target)
        self.hits.index_add_(0, target, (predicted == target).to(torch.int64))
        self.support.index_add_(0, target, ones)
        self.predicted.index_add_(0, predicted, ones)

    def compute(self) -> Tensor:
        """``(3, K)`` int64: hits, support and predictions of each class, in the order of `rates`."""
        return torch.stack([self.hits, self.support, self.predicted])

    def rates(self) -> ClassRates:
        """Recall, precision, specificity and F1 of each class, of the counts of all processes."""
        return rates(*self.compute().cpu().numpy())
