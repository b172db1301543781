"""Weight re-scaling: the rows of the head grow with the rarity of their class."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lightning_imb.posthoc.base import Given, linear_parts
from lightning_imb.posthoc.heads import FixedLinear
from lightning_imb.posthoc.searched import SearchedPostHoc
from lightning_imb.utils.errors import InputError

TENTHS_TO_1 = tuple(i / 10 for i in range(11))


class WeightRescaling(SearchedPostHoc):
    """``w_c <- w_c / (n_c / n_max)^gamma``, the bias stays; 0 is the trained head.

    Args:
        gamma: A number >= 0, or ``search``. The authors' CIFAR-10 script has 0.5; they do not state it per table.
        grid: What a search tries.

    Raises:
        InputError: If a setting is out of range.

    Source:
        Kim and Kim 2020 (arXiv 1912.01857); feidfoe/AdjustBnd4Imbalance: cifar.py.
    """

    name = "weight_rescaling"
    parameter = "gamma"

    def __init__(self, gamma: float | str = 0.5, grid: Sequence[float] = TENTHS_TO_1) -> None:
        super().__init__(gamma, grid)

    def check(self, given: Given) -> None:
        """Refuse a head that is not linear, and a search without validation data."""
        linear_parts(given.head, self.name)
        super().check(given)

    def check_worth(self, given: Given) -> None:
        """Refuse classes of one size: no row would become longer, whatever gamma is."""
        if min(given.class_counts) == max(given.class_counts):
            raise InputError(
                f"posthoc=weight_rescaling changes nothing where all classes have {given.class_counts[0]} training "
                "images: choose posthoc=none"
            )

    def head_for(self, given: Given, value: float) -> nn.Module:
        """The head with its rows lengthened by this gamma."""
        weight, bias = linear_parts(given.head, self.name)
        factor = rarity(given.class_counts, value).unsqueeze(1)
        return FixedLinear((weight * factor).to(weight.dtype), bias)


def rarity(class_counts: Sequence[int], gamma: float) -> Tensor:
    """``(n_max / n_c)^gamma`` per class, (K,) float64, each >= 1."""
    counts = torch.as_tensor(class_counts, dtype=torch.float64)
    return (counts.max() / counts).pow(gamma)
