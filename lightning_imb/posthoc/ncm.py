"""Nearest class mean: the trained head gives way to the centroids of the training embeddings."""

import torch
import torch.nn.functional as F
from torch import Tensor

from lightning_imb.posthoc.base import Adjusted, Given, PostHoc
from lightning_imb.posthoc.heads import CentroidHead, transformed
from lightning_imb.utils.checked import checked_choice, checked_flag


class NearestClassMean(PostHoc):
    """Predicts the class whose mean training embedding is nearest; logits are minus the squared distances.

    Modes: ``un`` takes embeddings as they are, ``l2n`` brings each to length 1, ``cl2n`` subtracts the mean of all
    training embeddings first. The modes are those of the released code, whose centroids are the means of transformed
    embeddings as they are; the paper speaks of means of length 1, and of ``un`` with cosines, which rank the classes as
    ``mode="un", unit_means=True`` does. The trained head is not read. The softmax of these logits ranks the classes but
    is no calibrated probability.

    Args:
        mode: ``cl2n``, ``l2n`` or ``un``.
        unit_means: Whether the centroids are brought to length 1.

    Raises:
        InputError: If the mode is another.

    Source:
        Kang et al. 2020 (arXiv 1910.09217), section 4; facebookresearch/classifier-balancing: models/KNNClassifier.py.
    """

    name = "ncm"

    def __init__(self, mode: str = "cl2n", unit_means: bool = False) -> None:
        self.mode = checked_choice("posthoc.mode", mode, ("cl2n", "l2n", "un"))
        self.unit_means = checked_flag("posthoc.unit_means", unit_means)

    def _adjust(self, given: Given) -> Adjusted:
        z, target = given.train()
        classes = len(given.class_counts)
        centre = z.mean(0, dtype=torch.float64).to(z.dtype) if self.mode == "cl2n" else z.new_zeros(z.shape[1])
        normalise = self.mode != "un"
        means = class_means(transformed(z, centre, normalise), target, classes)
        centroids = F.normalize(means, dim=1) if self.unit_means else means
        report = {"posthoc": self.name, "mode": self.mode, "unit_means": self.unit_means, "searched_on": None}
        return Adjusted(CentroidHead(centroids.to(z.dtype), centre, normalise), report)


def class_means(z: Tensor, target: Tensor, classes: int) -> Tensor:
    """Mean row (K, D) of each class, summed in float64.

    Args:
        z: (N, D).
        target: (N,) labels; every class has one.
        classes: K.
    """
    sums = torch.zeros(classes, z.shape[1], dtype=torch.float64).index_add_(0, target, z.double())
    return sums / torch.bincount(target, minlength=classes).unsqueeze(1)
