"""Learning-rate schedules, stepped once per epoch."""

import math
from collections.abc import Sequence

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from lightning_imb.utils.checked import epoch_of
from lightning_imb.utils.errors import InputError


def warmup_multistep(
    optimizer: Optimizer, epochs: int, warmup_epochs: int, milestones: Sequence[float], gamma: float
) -> LambdaLR:
    """Linear warm-up, then a drop by ``gamma`` at each milestone.

    The recipe of Cao et al. 2019 (LDAM-DRW): ``warmup_epochs=5``, milestones at 160 and 180 of 200 epochs,
    ``gamma=0.01``, that is lr .02 .04 .06 .08 .1 in epochs 0 to 4, .1 to epoch 159, 1e-3 to 179, then 1e-5.

    Args:
        optimizer: Whose learning rates are scaled.
        epochs: Length of the training.
        warmup_epochs: Epoch e < warmup_epochs trains at ``(e + 1) / warmup_epochs`` of the rate; 0 for none.
        milestones: Ascending; a float is a share of ``epochs`` (0.8 of 200 is epoch 160), an integer an epoch.
        gamma: Factor per milestone passed.

    Raises:
        InputError: If the milestones do not ascend, or one is negative or a share above 1.
    """
    drops = [epoch_of("an entry of scheduler.milestones", milestone, epochs) for milestone in milestones]
    if drops != sorted(drops):
        raise InputError(f"scheduler.milestones must ascend, not {list(milestones)}")
    _check_warmup(warmup_epochs)

    def factor(epoch: int) -> float:
        if epoch < warmup_epochs:
            return (epoch + 1) / warmup_epochs
        return float(gamma ** sum(epoch >= drop for drop in drops))

    return LambdaLR(optimizer, factor)


def cosine(optimizer: Optimizer, epochs: int, warmup_epochs: int) -> LambdaLR:
    """Linear warm-up, then half a cosine to zero (Loshchilov & Hutter 2017, SGDR, eq. 5, one cycle).

    Args:
        optimizer: Whose learning rates are scaled.
        epochs: Length of the training.
        warmup_epochs: As in ``warmup_multistep``.
    """
    _check_warmup(warmup_epochs)

    def factor(epoch: int) -> float:
        if epoch < warmup_epochs:
            return (epoch + 1) / warmup_epochs
        done = (epoch - warmup_epochs) / max(1, epochs - warmup_epochs)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    return LambdaLR(optimizer, factor)


def _check_warmup(warmup_epochs: int) -> None:
    if warmup_epochs < 0:
        raise InputError(f"scheduler.warmup_epochs must not be negative, but is {warmup_epochs}")


def constant(optimizer: Optimizer, epochs: int, warmup_epochs: int) -> LambdaLR:
    """Linear warm-up, then the full rate.

    Args:
        optimizer: Whose learning rates are scaled.
        epochs: Length of the training (not used; every schedule is called alike).
        warmup_epochs: As in ``warmup_multistep``.
    """
    return warmup_multistep(optimizer, epochs, warmup_epochs, milestones=(), gamma=1.0)
