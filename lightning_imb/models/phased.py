"""What classifiers and regressors share: an extractor, a head and a loss strategy, in one of two phases."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer

from lightning_imb.metrics import LossMean
from lightning_imb.models.backbones import Extractor
from lightning_imb.models.embedding_transform import EmbeddingTransform
from lightning_imb.models.heads import exact
from lightning_imb.models.max_norm import MaxNorm
from lightning_imb.models.retraining import (
    OptimizerFactory,
    Retraining,
    SchedulerFactory,
    dress,
    freeze_for,
    require_linear,
    restart,
    set_modes,
    slow_down,
)
from lightning_imb.models.sam import SAM, still_statistics
from lightning_imb.models.steps import Steps, TrainingLoss, count_steps, train_head
from lightning_imb.phases import Phase

REACHED = "reached"
_LOSS_STATE = "loss_so_far"


class PhasedModule(LightningModule, ABC):
    """Trains extractor and head on images (phase 1), and the head with little else on embeddings or images (phase 3).

    Batches are ``(inputs, target, key)``: images (N, C, H, W), or embeddings (N, D), which only pass the head.
    In phase 3 several batches of embeddings come at once, as ``Steps``. Under autocast the head and the loss stay in
    float32: they cost little, and logits in half precision tie. Metrics are named ``split/name``; in phase 3 they
    carry the prefix ``retrain/``.

    Args:
        extractor: Maps images to embeddings (N, D); has ``embed_dim``.
        head: Maps embeddings to what is predicted (N, K).
        loss: Training loss.
        optimizer: Makes the optimizer from parameter groups.
        scheduler: Makes the learning-rate schedule, stepped once per epoch, from the optimizer.
        class_counts: Training images per class, or per bin of the targets (K,).
        monitor: Name of the set that is scored every epoch, ``val`` or ``test``.
        sharpness: What the gradients of phase 1 are taken of beside the loss at the weights; None for nothing.
    """

    loss: TrainingLoss

    def __init__(
        self,
        extractor: Extractor,
        head: nn.Module,
        loss: TrainingLoss,
        optimizer: OptimizerFactory,
        scheduler: SchedulerFactory,
        class_counts: Sequence[int],
        monitor: str,
        sharpness: SAM | None,
    ) -> None:
        super().__init__()
        self.extractor = extractor
        self.head: nn.Module = head
        self.class_counts = list(class_counts)
        self.reached = self.class_counts  # samples per class that reached the loss of this phase
        self.monitor = monitor
        self.sharpness = SAM(rho=0.0, adaptive=False) if sharpness is None else sharpness
        self._counting = True  # whether a training step is the first of its batch
        self.phase = Phase.REPRESENT
        self.retraining: Retraining | None = None
        self.after: nn.Module = nn.Identity()  # what embeddings pass on their way to a retrained head
        self.max_norm: MaxNorm | None = None
        self.test_name = "test"  # what the metrics of a test run are named after
        self.loss = loss
        self.optimizer_factory = optimizer
        self.scheduler_factory = scheduler
        self.train_loss = LossMean()
        self.eval_loss = LossMean()

    def enter(self, settings: Retraining) -> None:
        """Begin phase 3: decide what is frozen, what is optimised and by which loss.

        Args:
            settings: What is trained, how, and from which start.
        """
        self.phase, self.retraining = Phase.RETRAIN, settings
        self.loss = settings.loss
        self.optimizer_factory, self.scheduler_factory = settings.optimizer, settings.scheduler
        if settings.reset_head:
            self.restart_head()
        self.dress_for(settings)
        freeze_for(settings, self.extractor_module, self.head)
        if settings.max_norm is not None:  # from the lengths of phase 1, before a checkpoint of phase 3 is loaded
            self.max_norm = MaxNorm(require_linear(self.head, "retrain.max_norm"), settings.max_norm)
        self.train(self.training)

    def restart_head(self) -> None:
        """Draw the head anew."""
        restart(self.head)

    def dress_for(self, settings: Retraining) -> None:
        """Give the network the shape that checkpoints of phase 3 have; weights stay."""
        self.head = dress(self.head, settings.trains, len(self.class_counts))
        self.after = EmbeddingTransform(settings.normalize, settings.tukey)

    def note_reached(self, counts: Sequence[int]) -> None:
        """Learn how many samples per class (K,) reach the loss from now on."""
        self.reached = list(counts)

    @abstractmethod
    def note_set(self, y: Tensor) -> None:
        """Learn that the loss of phase 3 gets a set of embeddings with these targets (M,)."""

    @property
    def views(self) -> int:
        """How often a batch of images holds each of them."""
        return 1

    @abstractmethod
    def trial_targets(self, number: int) -> Tensor:
        """Targets (number,) of the kind that the loss reads, to try it with."""

    @property
    def extractor_module(self) -> nn.Module:
        """The extractor as the module it is."""
        assert isinstance(self.extractor, nn.Module)
        return self.extractor

    @property
    def prefix(self) -> str:
        """What the names of this phase's metrics begin with."""
        return "retrain/" if self.phase is Phase.RETRAIN else ""

    def train(self, mode: bool = True) -> Self:
        """Switch to training mode; what phase 3 freezes stays in evaluation mode."""
        super().train(mode)
        if mode and self.retraining is not None:
            set_modes(self.extractor_module, self.retraining.unfreeze, self.retraining.bn_mode)
        return self

    def forward(self, images: Tensor) -> Tensor:
        """What is predicted, float32, of normalised images (N, C, H, W); see `answer`."""
        return self.answer(self.embed(images))

    def embed(self, images: Tensor) -> Tensor:
        """Embeddings (N, D) of normalised images (N, C, H, W), as the head reads them, at least float32."""
        z = self.extractor(images)
        with torch.autocast(z.device.type, enabled=False):
            embedding: Tensor = self.after(exact(z))
        return embedding

    def answer(self, z: Tensor) -> Tensor:
        """Output of the head (N, K), at least float32, for embeddings (N, D)."""
        with torch.autocast(z.device.type, enabled=False):
            outputs: Tensor = self.head(exact(z))
        return outputs

    def configure_optimizers(self) -> Any:
        """The phase's optimizer over its trainable parameters, and its per-epoch schedule."""
        optimizer = self.optimizer_factory(self.parameter_groups())
        slow_down(optimizer)
        if self.max_norm is not None:
            self.max_norm.attach(optimizer)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": self.scheduler_factory(optimizer)}}

    @abstractmethod
    def parameter_groups(self) -> list[dict[str, Any]]:
        """Trainable parameters in groups that differ in learning rate or weight decay."""

    def optimizer_step(self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Any = None) -> None:
        """One step of the optimizer; in phase 1 by the gradient that `SAM` finds."""
        if self.phase is Phase.REPRESENT:
            optimizer_closure = self.sharpness.around(optimizer, optimizer_closure, self._second_pass)
        optimizer.step(closure=optimizer_closure)

    @contextmanager
    def _second_pass(self) -> Iterator[None]:
        """A pass over a batch that was counted already."""
        self._counting = False
        try:
            with still_statistics(self):
                yield
        finally:
            self._counting = True

    def on_train_start(self) -> None:
        """Tell the loss where a fit goes on in mid-epoch, where no epoch starts."""
        self.on_train_epoch_start()

    def on_train_epoch_start(self) -> None:
        """Tell the loss how far phase 1 has come; in phase 3 its schedule is over, so it hears of no epoch."""
        if self.phase is Phase.REPRESENT:
            self.loss.begin_epoch(self.current_epoch, self._epochs)

    @property
    def _epochs(self) -> int:
        return self.trainer.max_epochs or 1

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what reached the loss and what it has learnt from the batches, which are no part of the network."""
        checkpoint[REACHED] = self.reached
        if state := self.loss.state():
            checkpoint[_LOSS_STATE] = state

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Give both back to the loss."""
        self.note_reached(checkpoint.get(REACHED, self.reached))
        if _LOSS_STATE in checkpoint:
            self.loss.load_state(checkpoint[_LOSS_STATE])

    def training_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Loss of one batch of images; of embeddings, the loss of the last of several batches, and all of theirs."""
        if isinstance(batch, Steps):
            return self._retraining_steps(batch)
        loss, outputs, target = self.loss_of_images(batch)
        self._note(loss.detach(), outputs, target)
        return {"loss": loss}

    @abstractmethod
    def loss_of_images(self, batch: Any) -> tuple[Tensor, Tensor, Tensor]:
        """Training loss of a batch of images, a scalar; the outputs that it is judged by, and their targets (N,)."""

    def _retraining_steps(self, steps: Steps) -> dict[str, Tensor]:
        optimizer = self.optimizers(use_pl_optimizer=False)
        assert isinstance(optimizer, Optimizer)
        loss, losses, rows, outputs = train_head(self.head, self.loss, steps, optimizer)
        count_steps(self.trainer, steps.batches - 1)
        # no product of vectors here, which autocast would round
        self._note((losses * rows).sum() / rows.sum(), outputs, steps.target)
        return {"loss": loss, "losses": losses}

    def _note(self, loss: Tensor, outputs: Tensor, target: Tensor) -> None:
        """Keep the loss and the scores on the device until the epoch's end."""
        if not self._counting:
            return
        self.tally_training(outputs.detach(), target)
        self.train_loss.update(loss, len(target))
        self.log(f"{self.prefix}train/loss", self.train_loss, on_step=False, on_epoch=True)

    @abstractmethod
    def tally_training(self, outputs: Tensor, target: Tensor) -> None:
        """Count outputs (N, K) of a training batch."""

    @abstractmethod
    def training_scores(self) -> Mapping[str, float]:
        """Scores of what was counted in this epoch, which are forgotten then."""

    @abstractmethod
    def tally_evaluation(self, outputs: Tensor, target: Tensor) -> Tensor:
        """Count outputs of a batch that is evaluated; returns its plain loss, a scalar."""

    @abstractmethod
    def evaluation_scores(self) -> Mapping[str, float]:
        """Scores of the set that was counted, which is forgotten then."""

    def on_train_epoch_end(self) -> None:
        """Log the training scores: of augmented images, measured while the weights moved."""
        self.log_dict({f"{self.prefix}train/{name}": value for name, value in self.training_scores().items()})

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Score one batch of the monitored set."""
        self._evaluate(batch, f"{self.prefix}{self.monitor}")

    def on_validation_epoch_end(self) -> None:
        """Log the scores of the monitored set."""
        self._log_scores(f"{self.prefix}{self.monitor}")

    def test_step(self, batch: Any, batch_idx: int) -> dict[str, Tensor]:
        """Score one batch of the test set and hand out its outputs, a row (K,) of each image."""
        outputs = self._evaluate(batch, self.test_name)
        return {"logits": outputs.reshape(len(outputs), -1), "target": batch.target}

    def on_test_epoch_end(self) -> None:
        """Log the scores of the test set."""
        self._log_scores(self.test_name)

    def _evaluate(self, batch: Any, split: str) -> Tensor:
        outputs = self.answer(batch.inputs) if batch.inputs.ndim == 2 else self(batch.inputs)
        self.eval_loss.update(self.tally_evaluation(outputs, batch.target), len(batch.target))
        self.log(f"{split}/loss", self.eval_loss, on_step=False, on_epoch=True)
        return outputs

    def _log_scores(self, split: str) -> None:
        self.log_dict({f"{split}/{name}": value for name, value in self.evaluation_scores().items()})
