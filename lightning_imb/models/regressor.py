"""The LightningModule of numeric targets: the same extractor and phases, one number out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightning_imb.losses.regression import RegressionLoss
from lightning_imb.metrics import ErrorTally
from lightning_imb.models.backbones import Extractor
from lightning_imb.models.feature_smoothing import FeatureSmoothing
from lightning_imb.models.phased import PhasedModule
from lightning_imb.models.retraining import OptimizerFactory, SchedulerFactory
from lightning_imb.models.sam import SAM
from lightning_imb.phases import Phase
from lightning_imb.utils.target_bins import TargetBins, TargetSample


class ImbalancedRegressor(PhasedModule):
    """Learns numbers; see `PhasedModule` for its batches and phases.

    Bins of the targets stand where a classifier has classes.

    Args:
        extractor: Maps images to embeddings (N, D); has ``embed_dim``.
        head: Maps embeddings to one number, (N, 1).
        loss: Training loss; evaluation reports the mean squared error.
        optimizer: Makes the optimizer from parameter groups.
        scheduler: Makes the learning-rate schedule, stepped once per epoch, from the optimizer.
        class_counts: Training images per bin (B,), 0 for a bin of which training shows nothing.
        bins: The bins, in which errors are counted.
        monitor: Name of the set that is scored every epoch, ``val`` or ``test``.
        smoothing: Calibrates the embeddings of phase 1 (FDS); None for not at all.
        sharpness: What the gradients of phase 1 are taken of beside the loss at the weights; None for nothing.
    """

    loss: RegressionLoss

    def __init__(
        self,
        extractor: Extractor,
        head: nn.Module,
        loss: RegressionLoss,
        optimizer: OptimizerFactory,
        scheduler: SchedulerFactory,
        class_counts: Sequence[int],
        bins: TargetBins,
        monitor: str,
        smoothing: FeatureSmoothing | None = None,
        sharpness: SAM | None = None,
    ) -> None:
        super().__init__(extractor, head, loss, optimizer, scheduler, class_counts, monitor, sharpness)
        self.bins = bins
        self.smoothing = smoothing
        self.train_tally = ErrorTally(bins)
        self.eval_tally = ErrorTally(bins)

    def answer(self, z: Tensor) -> Tensor:
        """Predicted numbers (N,), at least float32, for embeddings (N, D)."""
        return super().answer(z).squeeze(1)

    def note_set(self, y: Tensor) -> None:
        """Learn that phase 3 trains on a set of these targets (M,): weights and priors of the loss follow."""
        values = y.cpu().numpy().astype(np.float64)
        self.note_reached(self.bins.counts(values))
        self.loss.learn_targets(TargetSample(values, self.bins))

    def trial_targets(self, number: int) -> Tensor:
        """Numbers (number,)."""
        return torch.arange(number, dtype=torch.float32)

    def parameter_groups(self) -> list[dict[str, Any]]:
        """The network, and apart from it the noise that a loss learns: at a rate of its own, never decayed."""
        noise = [p for p in self.loss.noise_parameters() if p.requires_grad]
        learnt = {id(p) for p in noise}
        groups: list[dict[str, Any]] = [
            {"params": [p for p in self.parameters() if p.requires_grad and id(p) not in learnt]}
        ]
        if noise:
            groups.append({"params": noise, "lr_factor": self.loss.noise_lr_factor, "weight_decay": 0.0})
        return groups

    def loss_of_images(self, batch: Any) -> tuple[Tensor, Tensor, Tensor]:
        """Loss, predictions (N,) and targets (N,) of a batch."""
        z = self.embed(batch.inputs)
        if self.smoothing is not None and self.phase is Phase.REPRESENT:
            z = self.smoothing(z, batch.target, self.current_epoch)
        with torch.autocast(z.device.type, enabled=False):
            loss, predictions = self.loss.from_embeddings(self.head, z, batch.target)
        return loss, predictions, batch.target

    def tally_training(self, outputs: Tensor, target: Tensor) -> None:
        """Count errors of predictions (N,)."""
        self.train_tally.update(outputs, target)

    def training_scores(self) -> Mapping[str, float]:
        """Squared and absolute error of the epoch."""
        result = self.train_tally.scores(self.class_counts)
        self.train_tally.reset()
        return {name: result[name] for name in ("mse", "mae")}

    def tally_evaluation(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Count errors of predictions (N,); returns their mean square."""
        self.eval_tally.update(outputs, target)
        return F.mse_loss(outputs, target)

    def evaluation_scores(self) -> Mapping[str, float]:
        """Errors of the set, over all images and by how many training images their bins have."""
        result = self.eval_tally.scores(self.class_counts)
        self.eval_tally.reset()
        return result
