"""Balanced MSE by the other targets of the batch (BMC)."""

from typing import ClassVar

import torch
from torch import Tensor

from lightning_imb.losses.regression.balanced_mse import BalancedMSELoss, log_sum_relative
from lightning_imb.utils.target_bins import TargetSample


class BMCLoss(BalancedMSELoss):
    r"""``2 s^2`` times cross entropy over the batch of logits ``-(yhat_i - y_j)^2 / (2 s^2)``, the right answer j = i.

    The targets of the batch stand for those of training, so that no density is needed. A batch of one sample has
    loss 0 and no gradient. Under DDP each process compares within its own part of the batch, as the released code
    does.

    Mind rare targets (measured by us): where s is far below the gap between neighbouring targets of a batch, a rare
    sample has no other to be mistaken for, and hardly any gradient. With normal targets, errors of 0.2 standard
    deviations, batches of 64 and the default noise, a third of the samples beyond 1.9 deviations have less than 10% of
    the gradient of the squared error; 9% of them with ``noise=0.3``, 4% with batches of 1024. Take a larger noise or
    batch.

    Args:
        targets: See `RegressionLoss`.
        noise: See `BalancedMSELoss`.
        noise_unit: See `BalancedMSELoss`.
        learn_noise: See `BalancedMSELoss`.
        noise_lr_factor: See `BalancedMSELoss`.

    Raises:
        InputError: As `BalancedMSELoss`.

    Source:
        Ren et al. 2022, "Balanced MSE for imbalanced visual regression" (arXiv 2203.16427), batch-based Monte-Carlo;
        jiawei-ren/BalancedMSE: imdb-wiki-dir/balanaced_mse.py.
    """

    min_batch: ClassVar[int] = 2

    def __init__(
        self,
        targets: TargetSample,
        *,
        noise: float = 0.1,
        noise_unit: str = "std",
        learn_noise: bool = True,
        noise_lr_factor: float = 1.0,
    ) -> None:
        super().__init__(
            targets, noise=noise, noise_unit=noise_unit, learn_noise=learn_noise, noise_lr_factor=noise_lr_factor
        )

    def balanced(self, predictions: Tensor, target: Tensor, variance: Tensor) -> Tensor:
        """Cross entropy of each sample among those of its batch, ``(N,)``."""
        return log_sum_relative(predictions, target, target, torch.zeros_like(target), variance)
